// The files that a Qwen tokenizer is made of.

using System.Globalization;
using System.Text.Json;

namespace FlowBP.Models.Tokenizers;

internal static class QwenTokenizerFiles
{
    private const string DefaultPadding = "<|endoftext|>";

    public static QwenTokenizer FromFolder(string folder)
    {
        var config = Path.Combine(folder, "tokenizer_config.json");
        var padToken = ClipTokenizerFiles.ReadConfig(config).PadToken;
        var json = Path.Combine(folder, "tokenizer.json");
        if (File.Exists(json))
        {
            return FromJson(json, padToken);
        }
        var vocabulary = Path.Combine(folder, "vocab.json");
        return new QwenTokenizer(
            vocabulary,
            ClipTokenizerFiles.ReadVocabulary(vocabulary),
            ClipTokenizerFiles.ReadMerges(Path.Combine(folder, "merges.txt")),
            AddedTokens(folder, config),
            padToken ?? DefaultPadding
        );
    }

    public static QwenTokenizer FromJson(string file, string? padToken)
    {
        using var json = TokenizerJson.Open(file);
        var model = json.Model("BPE");
        foreach (var key in new[] { "dropout", "unk_token" })
        {
            json.Require(model, key, "model", "null");
        }
        json.Require(model, "continuing_subword_prefix", "model", "null", "\"\"");
        json.Require(model, "end_of_word_suffix", "model", "null", "\"\"");
        json.Require(model, "byte_fallback", "model", "false");
        json.Require(model, "ignore_merges", "model", "false");
        json.RequireParts("normalizer", "normalizers", "NFC alone", "NFC");
        RequireWords(json);
        return new QwenTokenizer(
            file,
            json.Vocabulary(model),
            json.Merges(model),
            json.AddedTokens(),
            padToken ?? DefaultPadding
        );
    }

    private static void RequireWords(TokenizerJson json)
    {
        var parts = json.RequireParts("pre_tokenizer", "pretokenizers", "Split, then ByteLevel", "Split", "ByteLevel");
        json.RequirePattern(parts[0], "pre_tokenizer", "Qwen's", QwenWords.Pattern);
        json.Require(parts[0], "behavior", "pre_tokenizer", "\"Isolated\"");
        json.Require(parts[0], "invert", "pre_tokenizer", "false");
        json.Require(parts[1], "add_prefix_space", "pre_tokenizer", "false");
        json.Require(parts[1], "use_regex", "pre_tokenizer", "false");
    }

    // Newer configurations list the tokens with their properties by id, older folders have a file of ids by token.
    private static AddedToken[] AddedTokens(string folder, string config)
    {
        if (File.Exists(config))
        {
            using var json = TokenizerJson.Open(config);
            if (json.Part("added_tokens_decoder") is { ValueKind: JsonValueKind.Object } list)
            {
                return
                [
                    .. list.EnumerateObject()
                        .Select(entry =>
                            int.TryParse(entry.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                            && id <= TokenizerJson.LargestId
                                ? json.AddedTokenOf(entry.Value, id, "added_tokens_decoder")
                                : throw json.Wrong("added_tokens_decoder", $"'{entry.Name}'", "a token id")
                        ),
                ];
            }
        }
        var file = Path.Combine(folder, "added_tokens.json");
        return [.. ClipTokenizerFiles.ReadVocabulary(file).Select(entry => new AddedToken(entry.Key, entry.Value))];
    }
}
