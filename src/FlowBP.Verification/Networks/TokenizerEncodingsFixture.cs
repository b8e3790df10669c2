// Prompts with the ids of a reference tokenizer. The vocabulary lies beside the prompts, in every form in which it exists.

using System.Text.Json;
using FlowBP.Models.Tokenizers;

namespace FlowBP.Verification.Networks;

/// <summary>Checks the tokenizers of T5 and Qwen against files of prompts with ids.</summary>
public static class TokenizerEncodingsFixture
{
    private const string T5 = "t5_encodings.json";
    private const string Qwen = "qwen_encodings.json";

    /// <summary>The files of this kind that lie in a folder itself.</summary>
    /// <param name="folder">The folder.</param>
    public static IEnumerable<string> FilesIn(string folder) =>
        new[] { T5, Qwen }.Select(file => Path.Combine(folder, file)).Where(File.Exists);

    /// <summary>Tokenizes every prompt with each vocabulary beside the file; one wrong id fails that vocabulary's fixture.</summary>
    /// <param name="file">One of <see cref="FilesIn"/>.</param>
    public static IReadOnlyList<FixtureResult> Run(string file)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        (string Vocabulary, Func<string, Func<JsonElement, bool>> Load)[] kinds =
            Path.GetFileName(file) == T5
                ?
                [
                    ("t5_tokenizer.json", path => SameT5(T5Tokenizer.FromJson(path))),
                    ("t5_spiece.model", path => SameT5(T5Tokenizer.FromSentencePiece(path))),
                ]
                : [("qwen_tokenizer.json", path => SameQwen(QwenTokenizer.FromJson(path)))];
        FixtureResult[] results =
        [
            .. kinds
                .Where(kind => File.Exists(Path.Combine(folder, kind.Vocabulary)))
                .Select(kind =>
                    FixtureResult.Guard(
                        kind.Vocabulary,
                        () => Check(kind.Vocabulary, file, kind.Load(Path.Combine(folder, kind.Vocabulary)))
                    )
                ),
        ];
        return results.Length > 0
            ? results
            : [FixtureResult.Skipped("", $"no {string.Join(" or ", kinds.Select(kind => kind.Vocabulary))} beside it")];
    }

    private static FixtureResult Check(string name, string file, Func<JsonElement, bool> same)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(file));
        var count = 0;
        List<string> wrong = [];
        foreach (var item in json.RootElement.GetProperty("cases").EnumerateArray())
        {
            count++;
            if (!same(item))
            {
                wrong.Add(item.GetProperty("prompt").GetString()!.ReplaceLineEndings(" "));
            }
        }
        var outcome = wrong.Count == 0 && count > 0 ? FixtureOutcome.Passed : FixtureOutcome.Failed;
        var first = wrong.Count > 0 ? $", first wrong at '{wrong[0]}'" : "";
        return new FixtureResult(name, outcome, wrong.Count, 0, $"{count} prompts, {wrong.Count} wrong{first}");
    }

    private static Func<JsonElement, bool> SameT5(T5Tokenizer tokenizer) =>
        item => Ids(item, "ids").SequenceEqual(tokenizer.Encode(Prompt(item)));

    private static Func<JsonElement, bool> SameQwen(QwenTokenizer tokenizer) =>
        item =>
            Ids(item, "ids").SequenceEqual(tokenizer.Encode(Prompt(item)))
            && Ids(item, "chat_ids").SequenceEqual(tokenizer.Encode(QwenTokenizer.Chat(Prompt(item))));

    private static string Prompt(JsonElement item) => item.GetProperty("prompt").GetString()!;

    private static IEnumerable<int> Ids(JsonElement item, string key) =>
        item.GetProperty(key).EnumerateArray().Select(id => id.GetInt32());
}
