// Which of a record's entries is the prompt. Whoever says nothing means the usual names; a record that has two of them with two texts
// is a question, and the answer is not guessed.

using FlowBP.Formats;
using FlowBP.Settings;

namespace FlowBP.Training;

/// <summary>Finds a prompt among named entries.</summary>
/// <param name="path">The file, for messages.</param>
/// <param name="given">The key; <see cref="PromptFile.UsualKeys"/>: the usual ones.</param>
internal sealed class PromptKey(string path, string given)
{
    private static readonly string[] Usual = ["prompt", "caption", "text", "prompts", "captions", "texts"];

    // Names that no one gives to anything else; 'text' alone is also a word among others.
    private static readonly string[] Certain = ["prompt", "caption", "prompts", "captions"];

    private const int NamedKeys = 8;

    private readonly List<string> unused = [];
    private string used = "";

    /// <summary>Whether a name is one that a prompt's key or column has.</summary>
    /// <param name="name">The name.</param>
    /// <param name="certainly">Leaves out names that are ordinary words, too.</param>
    public bool IsOne(string name, bool certainly = false) =>
        (certainly ? Certain : Usual).Contains(name, StringComparer.OrdinalIgnoreCase)
        || (given != PromptFile.UsualKeys && given.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>The key among those of a record.</summary>
    /// <param name="keys">The record's keys, with their values where they are texts.</param>
    /// <param name="where">The record, for messages: <c>line 3</c>, <c>item 0</c>.</param>
    /// <exception cref="InvalidDataException">It has none, or several that say different things.</exception>
    public string Among(IReadOnlyList<KeyValuePair<string, string?>> keys, string where)
    {
        used = Chosen(keys, where);
        foreach (var (name, _) in keys)
        {
            // Usual names with the same text say nothing that is lost.
            var says = given == PromptFile.UsualKeys ? IsOne(name.Trim()) : name == used;
            if (!says && name.Trim().Length > 0 && !unused.Contains(name))
            {
                unused.Add(name);
            }
        }
        return used;
    }

    /// <summary>Says which keys beside the prompt have no effect, in one note.</summary>
    public void SayUnusedEntries()
    {
        if (unused.Count > 0)
        {
            LoadingNotices.Say($"{path}: of each record '{used}' is painted; not used: {Listed(unused)}");
        }
    }

    private string Chosen(IReadOnlyList<KeyValuePair<string, string?>> keys, string where)
    {
        if (given != PromptFile.UsualKeys)
        {
            return keys.Any(pair => pair.Key == given)
                ? given
                : keys.FirstOrDefault(pair => pair.Key.Equals(given, StringComparison.OrdinalIgnoreCase)).Key
                    ?? throw BadFile.Of(
                        $"{path}, {where} has no '{given}' (caption_key): it has {Listed(NamesOf(keys))}"
                    );
        }
        var found = keys.Where(pair => Usual.Contains(pair.Key.Trim(), StringComparer.OrdinalIgnoreCase)).ToArray();
        if (found.Length == 0)
        {
            throw BadFile.Of(
                $"{path}, {where} has none of {string.Join(", ", Usual.Take(3))}: it has {Listed(NamesOf(keys))};"
                    + " name the one with the prompt with caption_key"
            );
        }
        if (found.Select(pair => pair.Value).Distinct(StringComparer.Ordinal).Count() > 1)
        {
            throw BadFile.Of(
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

    private static string[] NamesOf(IReadOnlyList<KeyValuePair<string, string?>> keys) =>
        [.. keys.Select(pair => pair.Key)];

    private static string Listed(IReadOnlyList<string> names) =>
        names.Count == 0
            ? "nothing"
            : string.Join(", ", names.Take(NamedKeys).Select(MessageText.Shortened))
                + (names.Count > NamedKeys ? " …" : "");
}
