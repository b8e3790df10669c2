// Runs fixtures of networks: folders with a configuration, weights, inputs, outputs and gradients, written by independent
// implementations. Sizes and options come from the folder, so any folder of the layout can be checked.

namespace FlowBP.Models.Verification;

/// <summary>Checks networks against fixture folders.</summary>
public static class ModelFixture
{
    /// <summary>Largest error, relative to the largest reference magnitude, that float32 networks are allowed.</summary>
    public const double DefaultTolerance = 1e-4;

    private static readonly INetworkFixture[] Kinds =
    [
        new SD3TransformerFixture(),
        new AutoencoderFixture(),
        new ClipTextFixture(),
        new ClipFixture(),
        new OpenClipRewardFixture(),
        new BicubicResizeFixture(),
    ];

    /// <summary>
    /// Folders below (or at) a root that have the layout of a network's or a tokenizer's fixture, in order of their paths.
    /// </summary>
    /// <param name="root">Folder to search.</param>
    public static IEnumerable<string> Find(string root) =>
        Directory
            .EnumerateDirectories(root, "*", SearchOption.AllDirectories)
            .Prepend(root)
            .Where(folder => IsNetwork(folder) || ClipTokenizerFixture.Matches(folder))
            .Order(StringComparer.Ordinal);

    /// <summary>Runs one fixture folder. Whatever goes wrong is in the result; nothing is thrown.</summary>
    /// <param name="folder">Folder as <see cref="Find"/> finds it.</param>
    /// <param name="tolerance">Largest allowed relative error.</param>
    public static FixtureResult Run(string folder, double tolerance = DefaultTolerance)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        try
        {
            if (ClipTokenizerFixture.Matches(folder))
            {
                return ClipTokenizerFixture.Run(name, folder);
            }
            using var scope = torch.NewDisposeScope();
            using var fixture = new FixtureFolder(folder);
            INetworkFixture? kind = Array.Find(Kinds, kind => kind.Matches(fixture));
            if (kind is null)
            {
                string what = fixture.Network.Length > 0 ? fixture.Network : "this folder";
                return new FixtureResult(name, FixtureOutcome.Skipped, double.NaN, $"no implementation of {what}");
            }
            var comparison = new Comparison();
            kind.Check(fixture, comparison);
            bool passed = comparison.Count > 0 && comparison.WorstError <= tolerance;
            string detail =
                comparison.Count == 0
                    ? "found nothing to compare"
                    : $"{comparison.Count} comparisons, worst at {comparison.WorstName}";
            FixtureOutcome outcome = passed ? FixtureOutcome.Passed : FixtureOutcome.Failed;
            return new FixtureResult(name, outcome, comparison.WorstError, detail);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // One broken fixture must not hide the result of the others; its error is its result.
            return new FixtureResult(
                name,
                FixtureOutcome.Failed,
                double.PositiveInfinity,
                e.Message.ReplaceLineEndings(" ")
            );
        }
    }

    private static bool IsNetwork(string folder) =>
        File.Exists(Path.Combine(folder, "meta.json")) && File.Exists(Path.Combine(folder, "io.safetensors"));
}
