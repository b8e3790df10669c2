// A CLIP tokenizer as transformers 5 saves it: tokenizer.json alone, with the vocabulary, the merges, and a description of how words are
// cut. The cutting is CLIP's or the file is refused: whoever takes the pieces and cuts otherwise has other tokens without a word.

namespace FlowBP.Models.Tokenizers;

/// <summary>Reads the tokenizer.json of a CLIP tokenizer.</summary>
internal static class ClipTokenizerJson
{
    // How CLIP's words are found; older conversions name the special tokens too, which are cut out before either way.
    private static readonly string[] WordPatterns =
    [
        @"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+",
        @"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+",
    ];

    private static readonly string[] Normalizers = ["NFC", "Replace", "Lowercase"];

    /// <summary>Ids by piece, special tokens included, and merges in their order.</summary>
    /// <param name="file">The file.</param>
    /// <exception cref="Formats.CheckpointException">It is missing or damaged, or describes another tokenizer.</exception>
    public static (Dictionary<string, int> Ids, List<(string, string)> Merges) Read(string file)
    {
        using var json = TokenizerJson.Open(file);
        var model = json.Model("BPE");
        json.Require(model, "dropout", "model", "null");
        json.Require(model, "continuing_subword_prefix", "model", "\"\"", "null");
        if (json.Text(model, "end_of_word_suffix", "model") is var suffix && suffix != BytePairEncoding.WordEnd)
        {
            throw json.Wrong("model.end_of_word_suffix", $"'{suffix}'", $"'{BytePairEncoding.WordEnd}'");
        }
        json.Require(model, "byte_fallback", "model", "false");
        json.Require(model, "ignore_merges", "model", "false");
        RequireCleaning(json);
        RequireWords(json);
        var ids = json.Vocabulary(model);
        foreach (var token in json.AddedTokens())
        {
            if (ids.TryGetValue(token.Content, out var id) && id != token.Id)
            {
                throw json.Wrong("added_tokens", $"'{token.Content}' as {token.Id}", $"{id}, as in model.vocab");
            }
            ids[token.Content] = token.Id;
        }
        return (ids, json.Merges(model));
    }

    private static void RequireCleaning(TokenizerJson json)
    {
        var parts = json.RequireParts("normalizer", "normalizers", string.Join(", ", Normalizers), Normalizers);
        json.RequirePattern(parts[1], "normalizer", "CLIP's", @"\s+");
        json.Require(parts[1], "content", "normalizer", "\" \"");
    }

    private static void RequireWords(TokenizerJson json)
    {
        var parts = json.RequireParts("pre_tokenizer", "pretokenizers", "Split, then ByteLevel", "Split", "ByteLevel");
        json.RequirePattern(parts[0], "pre_tokenizer", "CLIP's", WordPatterns);
        json.Require(parts[0], "behavior", "pre_tokenizer", "\"Removed\"");
        if (!TokenizerJson.Flag(parts[0], "invert"))
        {
            throw json.Wrong("pre_tokenizer.invert", "false", "true");
        }
        json.Require(parts[1], "add_prefix_space", "pre_tokenizer", "false");
    }
}
