// A text encoder reads the beginning of a prompt and drops the rest, which nobody would see in the pictures' file names. So it
// is said, once for all prompts of a run.

using FlowBP.Models.Prompts;

namespace FlowBP.Families;

/// <summary>The notice about prompts that are longer than an encoder takes.</summary>
public static class LongPrompts
{
    private const int QuotedCharacters = 60;

    /// <summary>What there is to say of some prompts; null: nothing, every encoder sees all of them.</summary>
    /// <param name="source">What encodes them. Embeddings computed before say nothing: computing them said it.</param>
    /// <param name="prompts">The prompts of a run.</param>
    public static string? Notice(IPromptSource source, IEnumerable<string> prompts)
    {
        string[] all = [.. prompts.Distinct(StringComparer.Ordinal)];
        var cut = all.Select(prompt => (Prompt: prompt, Truncations: source.Truncations(prompt).ToArray()))
            .Where(pair => pair.Truncations.Length > 0)
            .ToArray();
        if (cut.Length == 0)
        {
            return null;
        }
        var (first, truncations) = cut[0];
        var quoted = first.Length > QuotedCharacters ? first[..QuotedCharacters] + "…" : first;
        return $"{cut.Length} of {all.Length} prompts are truncated, the first is '{quoted}':"
            + $" {string.Join(", ", truncations)}";
    }
}
