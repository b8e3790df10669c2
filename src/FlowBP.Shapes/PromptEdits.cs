// Negative captions: one edit away from the prompt and wrong about the picture. Contrastive training without them
// never has to read word order ("left of" flipped is the same bag of words), which is how relations stay unlearnt.

using FlowBP.RandomStreams;

namespace FlowBP.Shapes;

/// <summary>Makes prompts that narrowly miss a scene.</summary>
public static class PromptEdits
{
    /// <summary>Changes a prompt by one edit so that the scene no longer satisfies it; the wording stays.</summary>
    /// <param name="stream">Where the draws come from.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="scene">A scene that satisfies it.</param>
    /// <returns>A prompt which <see cref="PromptRules"/> judges the scene to violate.</returns>
    /// <exception cref="ArgumentException"><paramref name="scene"/> doesn't satisfy <paramref name="prompt"/>.</exception>
    public static Prompt Violate(RandomStream stream, Prompt prompt, Scene scene)
    {
        if (PromptRules.Judge(prompt, scene) is { Correct: false } verdict)
        {
            throw new ArgumentException($"the scene already violates \"{prompt}\": {verdict.Reason}", nameof(scene));
        }
        // A change of shape always violates, so the search ends.
        while (true)
        {
            if (Draw(stream, prompt) is { } changed && !PromptRules.Matches(changed, scene))
            {
                return changed.In(prompt.Wording);
            }
        }
    }

    /// <summary>A prompt one edit away, in the same wording, whatever a picture shows.</summary>
    /// <param name="stream">Where the draws come from.</param>
    /// <param name="prompt">The prompt.</param>
    public static Prompt Near(RandomStream stream, Prompt prompt)
    {
        while (true)
        {
            if (Draw(stream, prompt) is { } near && near.In(prompt.Wording) is var worded && worded != prompt)
            {
                return worded;
            }
        }
    }

    /// <summary>One edit of a prompt; null where the edit drawn doesn't apply.</summary>
    private static Prompt? Draw(RandomStream stream, Prompt prompt)
    {
        if (prompt.Second is not { } second)
        {
            return Alone(stream, prompt);
        }

        if (prompt.Relation is { } relation && stream.NextInt(5) < 3)
        {
            // The same words with another relation, or the objects in the other order.
            return stream.NextInt(3) switch
            {
                0 => Prompt.Related(second, relation, prompt.First),
                1 => Prompt.Related(prompt.First, relation.Inverse(), second),
                _ => Prompt.Related(prompt.First, Relations.All[stream.NextInt(Relations.All.Count)], second),
            };
        }
        var first = prompt.First;
        (var a, var b) = stream.NextInt(4) switch
        {
            0 or 1 => (first with { Colour = second.Colour }, second with { Colour = first.Colour }),
            2 => (Change(stream, first), second),
            _ => (first, Change(stream, second)),
        };
        // Only what is a prompt itself: a wording that occurs in negatives alone would give them away.
        if (a.Shape == b.Shape || (prompt.Relation is null && a.Colour is not null && a.Colour == b.Colour))
        {
            return null;
        }

        return prompt.Relation is { } kept ? Prompt.Related(a, kept, b) : Prompt.Pair(a, b);
    }

    private static Prompt Alone(RandomStream stream, Prompt prompt)
    {
        if (prompt.Count == 1)
        {
            return Prompt.One(Change(stream, prompt.First));
        }

        return stream.NextInt(3) < 2
            ? Prompt.Several(2 + stream.NextInt(Prompt.MaxCount - 1), prompt.First)
            : Prompt.Several(prompt.Count, Change(stream, prompt.First));
    }

    private static ObjectPhrase Change(RandomStream stream, ObjectPhrase phrase) =>
        phrase.Colour is { } colour && stream.NextInt(2) == 0
            ? phrase with
            {
                Colour = SceneEdits.Other(stream, colour),
            }
            : phrase with
            {
                Shape = SceneEdits.Other(stream, phrase.Shape),
            };
}
