// `verify`: repeats recorded fixtures of independent implementations with the code that trains.

using FlowBP.Cli.Failures;
using FlowBP.Cli.Machine;
using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;
using FlowBP.Cli.Verification;
using FlowBP.Settings;
using FlowBP.Training.Configuration;
using FlowBP.Training.Devices;
using FlowBP.Verification;

namespace FlowBP.Cli.Commands;

/// <summary>Runs fixtures.</summary>
internal sealed class VerifyCommand : ICommand
{
    private static readonly SettingTable<VerifyOptions> s_options = new(new());

    /// <inheritdoc/>
    public string Name => "verify";

    /// <inheritdoc/>
    public string Summary => "repeat recorded fixtures of independent implementations";

    /// <inheritdoc/>
    public Positional? Positional { get; } = new("DIR…", "folders that hold fixtures, at any depth");

    /// <inheritdoc/>
    public IReadOnlyList<string> Examples { get; } =
    ["flowbp verify ../shared/goldens", "flowbp verify ../shared/goldens --device cuda"];

    /// <inheritdoc/>
    public IReadOnlyList<OptionGroup> Options(string? method) => [new("options", s_options.Settings)];

    /// <inheritdoc/>
    public int Run(CommandArguments arguments, Terminal terminal)
    {
        var options = arguments.To(s_options);
        // The fixtures' tolerances are those of float32; a convolution in TF32 would not hold them.
        CudaPrecision.RequireFloat32();
        Threads.UseAll();
        using var device = ComputeDevice.Open(options.Device, notice => terminal.Error.WriteLine($"note: {notice}"));
        // Every folder is looked through before anything runs: a mistyped one should not cost the time of the others.
        var sources = arguments.Positionals.SelectMany(folder => Find(folder, device, options.Float64)).ToArray();
        var results = VerificationSuite.Run(sources, terminal.Stop);
        FixtureReport.Write(terminal, results);
        return results.Any(entry => entry.Result.Outcome == FixtureOutcome.Failed) ? FailureReport.Failed : 0;
    }

    private static IReadOnlyList<(string Group, FixtureSource Source)> Find(
        string folder,
        ComputeDevice device,
        bool againstFloat64
    )
    {
        if (!Directory.Exists(folder))
        {
            throw new FailedException(
                File.Exists(folder)
                    ? $"{folder} is a file; give the folder that holds the fixtures"
                    : $"{folder} does not exist; give a folder that holds fixtures"
            );
        }
        var found = VerificationSuite.Find(folder, device, againstFloat64);
        return found.Count > 0
            ? found
            : throw new FailedException(
                $"{folder} holds no fixtures: no folder with manifest.json, or with meta.json and io.safetensors"
            );
    }

    private sealed record VerifyOptions
    {
        [OfRun]
        public string Device { get; init; } = DeviceName.Automatic;

        [Setting(
            "also compute networks in float64, and tell how far the computed and the recorded numbers are from that"
        )]
        public bool Float64 { get; init; }
    }
}
