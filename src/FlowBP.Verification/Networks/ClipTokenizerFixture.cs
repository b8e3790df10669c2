// The tokenizer's fixture: prompts with the ids of three reference tokenizers. It needs CLIP's released merges, which are
// not part of a fixture: they are looked for in a data folder beside it or above it.

using System.Text.Json;
using FlowBP.Models.Tokenizers;

namespace FlowBP.Verification.Networks;

internal static class ClipTokenizerFixture
{
    private const string CasesFile = "clip.json";
    private const string MergesFile = "bpe_simple_vocab_16e6.txt.gz";

    /// <summary>Whether the folder holds this kind.</summary>
    public static bool Matches(string folder) => File.Exists(Path.Combine(folder, CasesFile));

    /// <summary>Tokenizes every prompt; one wrong id fails the fixture.</summary>
    public static FixtureResult Run(string name, string folder)
    {
        if (FindMerges(folder) is not { } merges)
        {
            return FixtureResult.Skipped(name, $"data/{MergesFile} not present");
        }
        var openClip = ClipTokenizer.OpenClipFromMerges(merges);
        var transformers = ClipTokenizer.TransformersFromMerges(merges);
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, CasesFile)));
        var wrong = 0;
        var count = 0;
        var firstWrong = "";
        foreach (var item in json.RootElement.GetProperty("cases").EnumerateArray())
        {
            var prompt = item.GetProperty("prompt").GetString()!;
            var same =
                Equal(item, "hps", openClip.Tokenize(prompt))
                && Equal(item, "hps_bpe", openClip.Encode(prompt).Select(id => (long)id))
                && Equal(item, "hf_clip", transformers.Tokenize(prompt));
            count++;
            wrong += same ? 0 : 1;
            firstWrong =
                same || firstWrong.Length > 0 ? firstWrong : $", first wrong at '{prompt.ReplaceLineEndings(" ")}'";
        }
        var outcome = wrong == 0 && count > 0 ? FixtureOutcome.Passed : FixtureOutcome.Failed;
        return new FixtureResult(name, outcome, wrong, 0, $"{count} prompts, {wrong} wrong{firstWrong}");
    }

    private static bool Equal(JsonElement item, string key, IEnumerable<long> ids) =>
        !item.TryGetProperty(key, out var expected)
        || expected.EnumerateArray().Select(id => id.GetInt64()).SequenceEqual(ids);

    private static string? FindMerges(string folder)
    {
        for (var at = Path.GetFullPath(folder); at is not null; at = Path.GetDirectoryName(at))
        {
            var file = Path.Combine(at, "data", MergesFile);
            if (File.Exists(file))
            {
                return file;
            }
        }
        return null;
    }
}
