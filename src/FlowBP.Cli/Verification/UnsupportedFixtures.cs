// Fixtures that are recognised and have nothing to be run against in this version. They are shown by name, so that a folder
// full of them doesn't look verified.

using System.Text.Json;

namespace FlowBP.Cli.Verification;

/// <summary>Fixtures of what this version does not have.</summary>
internal sealed class UnsupportedFixtures : IFixtureKind
{
    /// <inheritdoc/>
    public IEnumerable<FixtureSource> In(FixtureDirectory folder)
    {
        if (folder.Has("manifest.json") && HasRecordedSteps(folder.Of("manifest.json")))
        {
            yield return Skip(folder.Path, "no whole training step of a network with a reward yet");
        }
        if (folder.Has("scheduler_sigmas.json"))
        {
            yield return Skip(folder.Of("scheduler_sigmas.json"), "no recorded schedules yet");
        }
        foreach (var (file, what) in s_tokenizers)
        {
            if (folder.Has(file))
            {
                yield return Skip(folder.Of(file), what);
            }
        }
        foreach (
            var file in Directory.EnumerateFiles(folder.Path, "*.json").Where(IsLayout).Order(StringComparer.Ordinal)
        )
        {
            yield return Skip(file, "the layout of a full-size network is not checked yet");
        }
    }

    private static readonly (string File, string What)[] s_tokenizers =
    [
        ("clip.json", "no recorded CLIP tokenizations yet"),
        ("t5_encodings.json", "no T5 tokenizer yet"),
        ("qwen_encodings.json", "no Qwen tokenizer yet"),
    ];

    private static FixtureSource Skip(string path, string reason) => new(path, () => [FixtureRow.Skipped("", reason)]);

    // Cases without a format name: the manifest of recorded steps with real networks.
    private static bool HasRecordedSteps(string file) =>
        Reads(file, root => root.TryGetProperty("cases", out _) && !root.TryGetProperty("format", out _));

    // A configuration with the names and shapes that a model built from it must have.
    private static bool IsLayout(string file) =>
        Reads(
            file,
            root =>
                root.TryGetProperty("tensors", out _)
                && root.TryGetProperty("parameters", out _)
                && root.TryGetProperty("config", out _)
        );

    private static bool Reads(string file, Func<JsonElement, bool> test)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(file));
            return document.RootElement.ValueKind == JsonValueKind.Object && test(document.RootElement);
        }
        catch (JsonException)
        {
            // Other kinds report a file of theirs that is damaged; this one only names what it recognises.
            return false;
        }
    }
}
