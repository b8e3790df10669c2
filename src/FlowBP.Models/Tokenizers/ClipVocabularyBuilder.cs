// A small world needs a small vocabulary, but in the form that every CLIP tokenizer reads. Given the words, this writes a
// vocabulary and merges under which byte pair encoding turns each of them into exactly one token.
//
// Why the merges cannot disturb each other: a word's merges are appended after those of the words before it, and byte pair
// encoding always applies the earliest merge that fits. An earlier word therefore meets an earlier merge at every step
// until it is one piece, whatever is appended later. A later word may be cut up by earlier merges; its own are made from
// the pieces that those leave.

using System.Text.Json.Nodes;
using FlowBP.Formats;

namespace FlowBP.Models.Tokenizers;

/// <summary>Writes CLIP tokenizer folders whose words are single tokens.</summary>
public static class ClipVocabularyBuilder
{
    /// <summary>
    /// Writes <c>vocab.json</c>, <c>merges.txt</c>, <c>tokenizer_config.json</c> and <c>special_tokens_map.json</c>.
    /// End-of-text has the largest id and is also padding and the unknown token.
    /// </summary>
    /// <param name="folder">The folder to write; created where necessary.</param>
    /// <param name="words">Lower-case words: letters, one digit, or punctuation, never mixed.</param>
    /// <param name="maxLength">Tokens per prompt, start and end included.</param>
    /// <exception cref="ArgumentException">A word would not survive cleaning and cutting as one word.</exception>
    /// <exception cref="CheckpointException">The folder cannot be written.</exception>
    public static void Write(string folder, IEnumerable<string> words, int maxLength)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxLength, 2);
        string[] distinct = [.. words.Distinct(StringComparer.Ordinal)];
        foreach (var word in distinct)
        {
            if (PromptCleaning.Transformers(word) != word || !ClipWords.Split(word, []).SequenceEqual([word]))
            {
                throw new ArgumentException($"'{word}' is not one lower-case word to a CLIP tokenizer", nameof(words));
            }
        }
        var merges = Merges(distinct);
        AtomicFile.WriteText(Path.Combine(folder, "vocab.json"), Vocabulary(distinct, merges));
        AtomicFile.WriteText(
            Path.Combine(folder, "merges.txt"),
            string.Concat(merges.Select(pair => $"{pair.Item1} {pair.Item2}\n").Prepend("#version: 0.2\n"))
        );
        AtomicFile.WriteText(Path.Combine(folder, "tokenizer_config.json"), Config(maxLength));
        AtomicFile.WriteText(Path.Combine(folder, "special_tokens_map.json"), Specials().ToConfigText());
    }

    private static List<(string, string)> Merges(string[] words)
    {
        var merges = new List<(string, string)>();
        foreach (var word in words)
        {
            var pieces = new BytePairEncoding(merges).Split(word);
            while (pieces.Length > 1)
            {
                merges.Add((pieces[0], pieces[1]));
                pieces = new BytePairEncoding(merges).Split(word);
            }
        }
        return merges;
    }

    private static string Vocabulary(string[] words, List<(string, string)> merges)
    {
        var json = new JsonObject();
        IEnumerable<string> characters = words
            .SelectMany(BytePairEncoding.Characters)
            .Distinct()
            .Order(StringComparer.Ordinal);
        var merged = merges.Select(pair => pair.Item1 + pair.Item2);
        string[] specials = [ClipTokenizer.StartOfText, ClipTokenizer.EndOfText];
        foreach (var piece in characters.Concat(merged).Concat(specials))
        {
            json.TryAdd(piece, json.Count);
        }
        return json.ToConfigText();
    }

    private static string Config(int maxLength)
    {
        var config = Specials();
        config["add_prefix_space"] = false;
        config["do_lower_case"] = true;
        config["errors"] = "replace";
        config["model_max_length"] = maxLength;
        config["tokenizer_class"] = "CLIPTokenizer";
        return config.ToConfigText();
    }

    private static JsonObject Specials() =>
        new()
        {
            ["bos_token"] = ClipTokenizer.StartOfText,
            ["eos_token"] = ClipTokenizer.EndOfText,
            ["pad_token"] = ClipTokenizer.EndOfText,
            ["unk_token"] = ClipTokenizer.EndOfText,
        };
}
