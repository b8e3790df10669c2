// Runs fixtures of networks: folders with a configuration, weights, inputs, outputs and gradients, written by independent
// implementations. Sizes and options come from the folder, so any folder of the layout can be checked.

namespace FlowBP.Verification.Networks;

/// <summary>Checks networks and tokenizers against fixture folders.</summary>
public static class ModelFixture
{
    /// <summary>Largest error, relative to the largest reference magnitude, that float32 networks are allowed.</summary>
    public const double DefaultTolerance = 1e-4;

    private static readonly INetworkFixture[] Kinds =
    [
        .. TransformerFixture.All,
        new AutoencoderFixture(),
        new ClipTextFixture(),
        new ClipFixture(),
        new OpenClipRewardFixture(),
        new BicubicResizeFixture(),
        new Flux2AutoencoderFixture(),
        new PackingFixture(),
        new T5EncoderFixture(),
        new Qwen3TextFixture(),
        new SD3EncodePromptFixture(),
    ];

    /// <summary>Whether a folder has the layout of a network's or a tokenizer's fixture.</summary>
    /// <param name="folder">The folder itself, not what is below it.</param>
    public static bool Matches(string folder) => IsNetwork(folder) || ClipTokenizerFixture.Matches(folder);

    /// <summary>Runs one fixture folder. Whatever is wrong with the folder is in the result.</summary>
    /// <param name="folder">A folder that <see cref="Matches"/>.</param>
    /// <param name="tolerance">Largest allowed relative error.</param>
    /// <param name="device">Where the network computes; null: on the CPU.</param>
    /// <param name="againstFloat64">Also compute in float64, for <see cref="FixtureResult.AgainstFloat64"/>.</param>
    public static FixtureResult Run(
        string folder,
        double tolerance = DefaultTolerance,
        Device? device = null,
        bool againstFloat64 = false
    )
    {
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        return FixtureResult.Guard(
            name,
            () =>
                ClipTokenizerFixture.Matches(folder)
                    ? ClipTokenizerFixture.Run(name, folder)
                    : RunNetwork(name, folder, tolerance, device ?? torch.CPU, againstFloat64)
        );
    }

    private static FixtureResult RunNetwork(
        string name,
        string folder,
        double tolerance,
        Device device,
        bool againstFloat64
    )
    {
        using var scope = torch.NewDisposeScope();
        using var fixture = new FixtureFolder(folder, device);
        INetworkFixture? kind = Array.Find(Kinds, kind => kind.Matches(fixture));
        if (kind is null)
        {
            var what = fixture.Network.Length > 0 ? fixture.Network : name;
            return FixtureResult.Skipped(name, $"no implementation of {what}");
        }
        var comparison = new Comparison(tolerance) { Keeps = againstFloat64 };
        kind.Check(fixture, comparison);
        var result = comparison.Result(name);
        if (!againstFloat64)
        {
            return result;
        }
        using var wideFixture = new FixtureFolder(folder, device, isWide: true);
        var wide = new Comparison(tolerance) { Keeps = true };
        kind.Check(wideFixture, wide);
        return result with { AgainstFloat64 = comparison.Against(wide) };
    }

    private static bool IsNetwork(string folder) =>
        File.Exists(Path.Combine(folder, "meta.json")) && File.Exists(Path.Combine(folder, "io.safetensors"));
}
