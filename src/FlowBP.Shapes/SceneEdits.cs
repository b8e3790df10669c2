// Negative pictures for reward training: the scene differs from one that satisfies the prompt by a single edit, so a
// reward can only tell the two apart by reading what the prompt says. Copying one object over the other is an edit of
// its own because that is how generators fail at two objects.

using FlowBP.RandomStreams;

namespace FlowBP.Shapes;

/// <summary>One minimal change of a scene.</summary>
public enum SceneEdit
{
    /// <summary>Two objects exchange places (and sizes): the inverse relation.</summary>
    SwapPlaces,

    /// <summary>Two objects exchange colours.</summary>
    SwapColours,

    /// <summary>One of two objects takes the other's shape and colour.</summary>
    CopyObject,

    /// <summary>One object more, or one less.</summary>
    ChangeCount,

    /// <summary>One object takes another shape.</summary>
    ChangeShape,

    /// <summary>One object takes another colour.</summary>
    ChangeColour,
}

/// <summary>Makes scenes that narrowly miss a prompt.</summary>
public static class SceneEdits
{
    /// <summary>Changes a scene by one edit so that it no longer satisfies the prompt.</summary>
    /// <param name="stream">Where the draws come from.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="scene">A scene that satisfies it.</param>
    /// <returns>The changed scene, which <see cref="PromptRules"/> judges incorrect, and the edit that was made.</returns>
    /// <exception cref="ArgumentException"><paramref name="scene"/> doesn't satisfy <paramref name="prompt"/>.</exception>
    public static (Scene Scene, SceneEdit Edit) Violate(RandomStream stream, Prompt prompt, Scene scene)
    {
        if (PromptRules.Judge(prompt, scene) is { Correct: false } verdict)
        {
            throw new ArgumentException($"the scene already violates \"{prompt}\": {verdict.Reason}", nameof(scene));
        }
        // Some edits don't violate every prompt (another colour where none is named); a change of shape always does,
        // so the search ends.
        while (true)
        {
            var edit = Draw(stream, prompt);
            var changed = Apply(stream, scene, edit);
            if (!PromptRules.Matches(prompt, changed))
            {
                return (changed, edit);
            }
        }
    }

    // Mostly what the task is about, sometimes anything else.
    private static SceneEdit Draw(RandomStream stream, Prompt prompt)
    {
        ReadOnlySpan<SceneEdit> deck = prompt.Task switch
        {
            GenEvalTask.SingleObject => [SceneEdit.ChangeShape, SceneEdit.ChangeShape, SceneEdit.ChangeCount],
            GenEvalTask.Colors => [SceneEdit.ChangeColour, SceneEdit.ChangeShape, SceneEdit.ChangeCount],
            GenEvalTask.Counting =>
            [
                SceneEdit.ChangeCount,
                SceneEdit.ChangeCount,
                SceneEdit.ChangeCount,
                SceneEdit.ChangeShape,
                SceneEdit.ChangeColour,
            ],
            GenEvalTask.Position =>
            [
                SceneEdit.SwapPlaces,
                SceneEdit.SwapPlaces,
                SceneEdit.SwapPlaces,
                SceneEdit.SwapPlaces,
                SceneEdit.SwapColours,
                SceneEdit.CopyObject,
                SceneEdit.ChangeShape,
                SceneEdit.ChangeColour,
            ],
            _ =>
            [
                SceneEdit.SwapColours,
                SceneEdit.SwapColours,
                SceneEdit.CopyObject,
                SceneEdit.CopyObject,
                SceneEdit.ChangeShape,
                SceneEdit.ChangeColour,
                SceneEdit.ChangeCount,
            ],
        };
        return deck[stream.NextInt(deck.Length)];
    }

    private static Scene Apply(RandomStream stream, Scene scene, SceneEdit edit)
    {
        var count = scene.Objects.Length;
        var i = stream.NextInt(count);
        // Another object, if there is one.
        var j = count == 1 ? i : (i + 1 + stream.NextInt(count - 1)) % count;
        var a = scene.Objects[i];
        var b = scene.Objects[j];
        return edit switch
        {
            SceneEdit.SwapPlaces => Replace(
                scene,
                (i, a with { X = b.X, Y = b.Y, Radius = b.Radius }),
                (j, b with { X = a.X, Y = a.Y, Radius = a.Radius })
            ),
            SceneEdit.SwapColours => Replace(
                scene,
                (i, a with { Colour = b.Colour }),
                (j, b with { Colour = a.Colour })
            ),
            SceneEdit.CopyObject => Replace(scene, (i, a with { Shape = b.Shape, Colour = b.Colour })),
            SceneEdit.ChangeShape => Replace(scene, (i, a with { Shape = Other(stream, a.Shape) })),
            SceneEdit.ChangeColour => Replace(scene, (i, a with { Colour = Other(stream, a.Colour) })),
            SceneEdit.ChangeCount => ChangeCount(stream, scene, i),
            _ => throw new ArgumentOutOfRangeException(nameof(edit), edit, "not an edit"),
        };
    }

    private static Scene ChangeCount(RandomStream stream, Scene scene, int i)
    {
        var add = scene.Objects.Length == 1 || stream.NextInt(2) == 0;
        var model = scene.Objects[i];
        return add && SceneSampler.TryAdd(stream, scene, model.Shape, model.Colour, out var larger)
            ? larger
            : scene with
            {
                Objects = scene.Objects.RemoveAt(i),
            };
    }

    private static Scene Replace(Scene scene, params ReadOnlySpan<(int Index, SceneObject Thing)> changes)
    {
        var objects = scene.Objects.ToBuilder();
        foreach ((var index, var thing) in changes)
        {
            objects[index] = thing;
        }

        return scene with
        {
            Objects = objects.ToImmutable(),
        };
    }

    internal static ShapeKind Other(RandomStream stream, ShapeKind shape) =>
        (ShapeKind)(((int)shape + 1 + stream.NextInt(ShapeKinds.All.Count - 1)) % ShapeKinds.All.Count);

    internal static ShapeColour Other(RandomStream stream, ShapeColour colour) =>
        (ShapeColour)(((int)colour + 1 + stream.NextInt(Palette.All.Count - 1)) % Palette.All.Count);
}
