// Ground truth for a prompt: objects as named, whatever the prompt leaves open drawn at random. Placement is by
// rejection against bounding discs of equal reach for all shapes, so a later edit of shape or colour, or an exchange
// of two objects, never makes objects touch or leave the picture.
using FlowBP.RandomStreams;

namespace FlowBP.Shapes;

/// <summary>Draws scenes that satisfy a prompt.</summary>
public static class SceneSampler
{
    /// <summary>The smallest radius, in pixels.</summary>
    public const float SmallestRadius = 3.8f;

    /// <summary>The empty space between bounding discs, in pixels, is at least this.</summary>
    public const float SmallestGap = 1.6f;

    /// <summary>In a relation the distance along its axis is at least this times the distance across.</summary>
    public const float RelationDominance = 1.2f;

    // Largest radius, in pixels, for one to four objects: what still finds room.
    private static readonly float[] s_largestRadius = [7f, 6f, 5.2f, 4.8f];

    /// <summary>Draws a scene that satisfies a prompt, its objects in the order in which the prompt names them.</summary>
    /// <param name="stream">Where the draws come from.</param>
    /// <param name="prompt">What the scene shows.</param>
    public static Scene Sample(RandomStream stream, Prompt prompt)
    {
        Span<SceneObject> things = stackalloc SceneObject[prompt.Count];
        Place(stream, things, prompt.Relation is not null);
        if (prompt.Relation is { } relation)
        {
            Arrange(things, relation);
        }
        // Objects that are counted share a colour, as three of a kind usually do.
        var open = Colour(stream);
        for (var i = 0; i < things.Length; i++)
        {
            var phrase = i == 1 && prompt.Second is { } second ? second : prompt.First;
            var colour = phrase.Colour ?? (prompt.Second is null ? open : Colour(stream));
            things[i] = things[i] with { Shape = phrase.Shape, Colour = colour };
        }
        return new([.. things], Ground(stream));
    }

    /// <summary>Adds an object to a scene where there is room for it.</summary>
    /// <param name="stream">Where the draws come from.</param>
    /// <param name="scene">The scene.</param>
    /// <param name="shape">Shape of the new object.</param>
    /// <param name="colour">Colour of the new object.</param>
    /// <param name="larger">The scene with the object added last.</param>
    /// <returns>False if no room was found.</returns>
    internal static bool TryAdd(RandomStream stream, Scene scene, ShapeKind shape, ShapeColour colour, out Scene larger)
    {
        const int Attempts = 100;
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var thing = Somewhere(stream, s_largestRadius[^1]) with { Shape = shape, Colour = colour };
            if (IsFree(thing, scene.Objects.AsSpan()))
            {
                larger = scene with { Objects = scene.Objects.Add(thing) };
                return true;
            }
        }
        larger = scene;
        return false;
    }

    private static void Place(RandomStream stream, Span<SceneObject> things, bool related)
    {
        var largest = s_largestRadius[things.Length - 1];
        const int AttemptsPerObject = 20;
        // Four objects of the smallest radius always fit, so a fresh start ends the search with probability 1.
        var placed = 0;
        var attempts = 0;
        while (placed < things.Length)
        {
            things[placed] = Somewhere(stream, largest);
            if (IsFree(things[placed], things[..placed]) && (!related || placed == 0 || HasAxis(things)))
            {
                placed++;
                attempts = 0;
            }
            else if (++attempts == AttemptsPerObject)
            {
                placed = 0;
                attempts = 0;
            }
        }
    }

    private static SceneObject Somewhere(RandomStream stream, float largest)
    {
        var radius = Uniform(stream, SmallestRadius, largest);
        var inset = ShapeGeometry.Reach * radius;
        return new(
            default,
            default,
            Uniform(stream, inset, Scene.Size - inset),
            Uniform(stream, inset, Scene.Size - inset),
            radius
        );
    }

    private static bool IsFree(in SceneObject thing, ReadOnlySpan<SceneObject> others)
    {
        foreach (ref readonly var other in others)
        {
            if (thing.GapTo(other) < SmallestGap)
            {
                return false;
            }
        }
        return true;
    }

    private static bool HasAxis(ReadOnlySpan<SceneObject> pair)
    {
        var dx = MathF.Abs(pair[0].X - pair[1].X);
        var dy = MathF.Abs(pair[0].Y - pair[1].Y);
        return MathF.Max(dx, dy) >= RelationDominance * MathF.Min(dx, dy);
    }

    // Two objects with a clear axis are turned into any relation by mirroring at the diagonal and exchanging places.
    private static void Arrange(Span<SceneObject> pair, Relation relation)
    {
        var wantsRow = relation is Relation.LeftOf or Relation.RightOf;
        var isRow = MathF.Abs(pair[0].X - pair[1].X) > MathF.Abs(pair[0].Y - pair[1].Y);
        if (wantsRow != isRow)
        {
            foreach (ref var thing in pair)
            {
                thing = thing with { X = thing.Y, Y = thing.X };
            }
        }
        if (PromptRules.Offset(relation, pair[0], pair[1]) < 0)
        {
            (pair[0], pair[1]) = (pair[1], pair[0]);
        }
    }

    // Light greys with a hint of a tint: saturation stays below 0.11, far from any object's.
    private static Background Ground(RandomStream stream)
    {
        var from = Grey(stream);
        var to = Grey(stream);
        float x;
        float y;
        float length;
        do
        {
            x = Uniform(stream, -1, 1);
            y = Uniform(stream, -1, 1);
            length = MathF.Sqrt(x * x + y * y);
        } while (length is > 1 or < 0.1f);
        return new(from, to, x / length, y / length);
    }

    private static Rgb Grey(RandomStream stream)
    {
        const float Tint = 0.03f;
        var value = Uniform(stream, 0.62f, 0.95f);
        return new(
            value + Uniform(stream, -Tint, Tint),
            value + Uniform(stream, -Tint, Tint),
            value + Uniform(stream, -Tint, Tint)
        );
    }

    private static ShapeColour Colour(RandomStream stream) => (ShapeColour)stream.NextInt(Palette.All.Count);

    private static float Uniform(RandomStream stream, float low, float high) =>
        low + (high - low) * (float)stream.NextDouble();
}
