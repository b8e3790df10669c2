// Which of a record's entries is the prompt. Whoever says nothing means the usual names; a record that has two of them with two texts
// is a question, and the answer is not guessed.

using FlowBP.Formats;

namespace FlowBP.Training;

/// <summary>Finds a prompt among named entries.</summary>
/// <param name="path">The file, for messages.</param>
/// <param name="given">The key; <see cref="PromptFile.UsualKeys"/>: the usual ones.</param>
internal sealed class PromptKey(string path, string given)
{
    private static readonly string[] Usual = ["prompt", "caption", "text", "prompts", "captions", "texts"];

    private const int NamedKeys = 8;

    /// <summary>The key among those of a record.</summary>
    /// <param name="keys">The record's keys, with their values where they are texts.</param>
    /// <param name="where">The record, for messages: <c>line 3</c>, <c>item 0</c>.</param>
    /// <exception cref="InvalidDataException">It has none, or several that say different things.</exception>
    public string Among(IReadOnlyList<KeyValuePair<string, string?>> keys, string where)
    {
        if (given != PromptFile.UsualKeys)
        {
            return keys.Any(pair => pair.Key == given)
                ? given
                : keys.FirstOrDefault(pair => pair.Key.Equals(given, StringComparison.OrdinalIgnoreCase)).Key
                    ?? throw new InvalidDataException(
                        $"{path}, {where} has no '{given}' (caption_key): it has {Listed(keys)}"
                    );
        }
        var found = keys.Where(pair => Usual.Contains(pair.Key.Trim(), StringComparer.OrdinalIgnoreCase)).ToArray();
        if (found.Length == 0)
        {
            throw new InvalidDataException(
                $"{path}, {where} has none of {string.Join(", ", Usual.Take(3))}: it has {Listed(keys)};"
                    + " name the one with the prompt with caption_key"
            );
        }
        if (found.Select(pair => pair.Value).Distinct(StringComparer.Ordinal).Count() > 1)
        {
            throw new InvalidDataException(
                $"{path}, {where} has {string.Join(" and ", found.Select(pair => pair.Key))}:"
                    + " say with caption_key which of them is the prompt"
            );
        }
        return found[0].Key;
    }

    /// <summary>Says that a key was given and the file has none to look for.</summary>
    /// <param name="form">What the file holds.</param>
    public void SayUnused(string form)
    {
        if (given != PromptFile.UsualKeys)
        {
            LoadingNotices.Say($"{path} holds {form}, among which caption_key ('{given}') names nothing");
        }
    }

    private static string Listed(IReadOnlyList<KeyValuePair<string, string?>> keys) =>
        keys.Count == 0
            ? "nothing"
            : string.Join(", ", keys.Take(NamedKeys).Select(pair => pair.Key)) + (keys.Count > NamedKeys ? " …" : "");
}
