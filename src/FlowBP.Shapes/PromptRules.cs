// The judgement proper, on objects rather than pixels: the rule-based evaluator applies it to what it detects in a
// picture, and training applies it to ground truth (to mask false negatives, to check that an edit violates a
// caption). One body of rules for both, so "correct" means the same everywhere.
namespace FlowBP.Shapes;

/// <summary>Whether a picture shows what a prompt asks for, and why not.</summary>
/// <param name="Correct">Whether every rule holds.</param>
/// <param name="Reason">For a person: what was found instead; <c>correct</c> otherwise.</param>
public readonly record struct Verdict(bool Correct, string Reason)
{
    /// <summary>Every rule holds.</summary>
    public static Verdict Pass { get; } = new(true, "correct");

    /// <summary>A rule is broken.</summary>
    /// <param name="reason">What was found instead.</param>
    public static Verdict Fail(string reason) => new(false, reason);
}

/// <summary>GenEval-style rules: exact object count, shapes, named colours, and relations with a margin.</summary>
public static class PromptRules
{
    /// <summary>A relation holds when the centroids are further apart than this along its axis, in pixels of 32×32.</summary>
    public const float RelationMargin = 3;

    /// <summary>Judges a scene against a prompt.</summary>
    /// <param name="prompt">What should be shown.</param>
    /// <param name="scene">What is shown.</param>
    public static Verdict Judge(Prompt prompt, Scene scene) => Judge(prompt, scene.Objects.AsSpan());

    /// <summary>Whether a scene satisfies a prompt, without words about it: for masks over whole batches.</summary>
    /// <param name="prompt">What should be shown.</param>
    /// <param name="scene">What is shown.</param>
    public static bool Matches(Prompt prompt, Scene scene)
    {
        var things = scene.Objects.AsSpan();
        if (things.Length != prompt.Count)
        {
            return false;
        }

        if (prompt.Second is { } second)
        {
            return MatchesPair(prompt, second, things[0], things[1])
                || MatchesPair(prompt, second, things[1], things[0]);
        }
        foreach (ref readonly var thing in things)
        {
            if (!prompt.First.Describes(thing.Shape, thing.Colour))
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>Judges objects against a prompt.</summary>
    /// <param name="prompt">What should be shown.</param>
    /// <param name="things">All objects of the picture, in any order.</param>
    public static Verdict Judge(Prompt prompt, ReadOnlySpan<SceneObject> things)
    {
        if (things.Length != prompt.Count)
        {
            return Verdict.Fail($"{things.Length} objects, expected {prompt.Count}: {List(things)}");
        }

        if (prompt.Second is { } second)
        {
            return JudgePair(prompt, second, things);
        }

        foreach (ref readonly var thing in things)
        {
            if (!prompt.First.Describes(thing.Shape, thing.Colour))
            {
                return Verdict.Fail($"a {Describe(thing)}, expected a {prompt.First.Singular}");
            }
        }
        return Verdict.Pass;
    }

    private static Verdict JudgePair(Prompt prompt, ObjectPhrase second, ReadOnlySpan<SceneObject> things)
    {
        var found = false;
        for (var i = 0; i < 2; i++)
        {
            var a = things[i];
            var b = things[1 - i];
            if (MatchesPair(prompt, second, a, b))
            {
                return Verdict.Pass;
            }

            found |= prompt.First.Describes(a.Shape, a.Colour) && second.Describes(b.Shape, b.Colour);
        }
        return found
            ? Verdict.Fail($"the {prompt.First.Singular} is not {prompt.Relation!.Value.Text()} the {second.Singular}")
            : Verdict.Fail($"{List(things)}, expected a {prompt.First.Singular} and a {second.Singular}");
    }

    private static bool MatchesPair(Prompt prompt, ObjectPhrase second, in SceneObject a, in SceneObject b) =>
        prompt.First.Describes(a.Shape, a.Colour)
        && second.Describes(b.Shape, b.Colour)
        && (prompt.Relation is not { } relation || Offset(relation, a, b) > RelationMargin);

    /// <summary>How far <paramref name="a"/> lies from <paramref name="b"/> in a relation's direction, in pixels.</summary>
    internal static float Offset(Relation relation, in SceneObject a, in SceneObject b) =>
        relation switch
        {
            Relation.LeftOf => b.X - a.X,
            Relation.RightOf => a.X - b.X,
            Relation.Above => b.Y - a.Y,
            Relation.Below => a.Y - b.Y,
            _ => throw new ArgumentOutOfRangeException(nameof(relation), relation, "not a relation of this world"),
        };

    private static string Describe(in SceneObject thing) => new ObjectPhrase(thing.Shape, thing.Colour).Singular;

    private static string List(ReadOnlySpan<SceneObject> things)
    {
        var words = new List<string>();
        foreach (ref readonly var thing in things)
        {
            words.Add("a " + Describe(thing));
        }

        return words.Count == 0 ? "nothing" : string.Join(" and ", words);
    }
}
