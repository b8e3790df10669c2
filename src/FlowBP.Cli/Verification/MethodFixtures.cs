// Recorded training steps of the methods, index samplers and the optimizer: folders with a manifest.json of that format.

using System.Text.Json;
using FlowBP.Kernels;
using FlowBP.Models.Formats;
using FlowBP.Surrogates.Verification;

namespace FlowBP.Cli.Verification;

/// <summary>Fixtures of the methods.</summary>
internal sealed class MethodFixtures : IFixtureKind
{
    private const string FormatFamily = "flowbp-method-goldens/";

    /// <inheritdoc/>
    public IEnumerable<FixtureSource> In(FixtureDirectory folder)
    {
        if (folder.Has("manifest.json") && IsMethodManifest(folder.Of("manifest.json")))
        {
            yield return new(folder.Path, () => Run(folder.Path));
        }
    }

    private static IReadOnlyList<FixtureRow> Run(string folder) =>
        [.. new MethodFixture(LoadAll, new CpuLatentKernels()).Run(folder).Select(Row)];

    private static FixtureRow Row(FixtureResult result) =>
        new(
            result.Name,
            result.Outcome switch
            {
                FixtureOutcome.Passed => FixtureStatus.Passed,
                FixtureOutcome.Skipped => FixtureStatus.Skipped,
                _ => FixtureStatus.Failed,
            },
            result.WorstError,
            MethodFixture.Tolerance,
            result.Detail
        );

    // A damaged manifest is for the runner to report, not a reason to overlook the folder.
    private static bool IsMethodManifest(string file)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(file));
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("format", out var format)
                && format.ValueKind == JsonValueKind.String
                && format.GetString()!.StartsWith(FormatFamily, StringComparison.Ordinal);
        }
        catch (JsonException)
        {
            return true;
        }
    }

    private static Dictionary<string, Tensor> LoadAll(string path)
    {
        using var file = SafetensorsFile.Open(path);
        return file.Entries.Keys.ToDictionary(name => name, file.Load);
    }
}
