// The command line: a few words of this benchmark's own, short names for the usual settings, and every setting of an alignment
// under its own name, because the step is the one that an alignment makes.

using System.Globalization;
using FlowBP.Training.Configuration;

namespace FlowBP.Benchmarks.FullSize;

/// <summary>What is measured.</summary>
/// <param name="Model">A name of <see cref="FullSizeModel.Names"/>.</param>
/// <param name="Layers">Layers of the networks; null: all.</param>
/// <param name="WarmUps">Steps before those that count.</param>
/// <param name="Steps">Steps that count.</param>
/// <param name="Output">File for the report; null: standard output only.</param>
/// <param name="Config">The alignment.</param>
internal sealed record FullSizeOptions(
    string Model,
    int? Layers,
    int WarmUps,
    int Steps,
    string? Output,
    AlignmentConfig Config
)
{
    internal const string Usage =
        "--full-size [sd35|flux1|flux2] [--device cuda|cpu] [--batch 4] [--resolution 512] [--steps 25] [--active 4]"
        + " [--method flowbp-sparse] [--compute bf16|fp32] [--checkpointing none|blocks] [--lora_rank R] [--layers N]"
        + " [--warm_ups 1] [--measured 3] [--output FILE], and every setting of flowbp align";

    // Short names, each with the settings that it sets.
    private static readonly Dictionary<string, string[]> s_short = new(StringComparer.Ordinal)
    {
        ["batch"] = ["train_batch_size"],
        ["resolution"] = ["height", "width"],
        ["steps"] = ["rollout_steps"],
        ["active"] = ["num_active_steps"],
        ["compute"] = ["compute_dtype", "reward_dtype"],
        ["checkpointing"] = ["gradient_checkpointing"],
    };

    /// <summary>Reads the arguments after <c>--full-size</c>.</summary>
    /// <param name="arguments">The arguments.</param>
    /// <exception cref="ArgumentException">One is not known, has no value, or none that is accepted.</exception>
    internal static FullSizeOptions Parse(IReadOnlyList<string> arguments)
    {
        var named = arguments.Count > 0 && !arguments[0].StartsWith("--", StringComparison.Ordinal);
        var model = named ? arguments[0] : FullSizeModel.Names[0];
        if (!FullSizeModel.Names.Contains(model))
        {
            throw new ArgumentException($"unknown model '{model}': expected {string.Join(", ", FullSizeModel.Names)}");
        }
        Dictionary<string, string> given = new(StringComparer.Ordinal);
        for (var i = named ? 1 : 0; i < arguments.Count; i += 2)
        {
            if (!arguments[i].StartsWith("--", StringComparison.Ordinal))
            {
                throw new ArgumentException($"found '{arguments[i]}', expected an option: {Usage}");
            }
            if (i + 1 == arguments.Count)
            {
                throw new ArgumentException($"{arguments[i]} needs a value: {Usage}");
            }
            given[arguments[i][2..]] = arguments[i + 1];
        }
        var layers = Taken(given, "layers", null, least: 1);
        var warmUps = Taken(given, "warm_ups", 1, least: 0) ?? 0;
        var steps = Taken(given, "measured", 3, least: 1) ?? 1;
        given.Remove("output", out var output);
        return new(model, layers, warmUps, steps, output, Resolve(given));
    }

    private static AlignmentConfig Resolve(Dictionary<string, string> given)
    {
        // Never "auto": a full-size step on a CPU is not what anybody waits for by accident.
        var device = given.GetValueOrDefault("device", "cuda");
        Dictionary<string, string> settings = new(StringComparer.Ordinal)
        {
            ["method"] = "flowbp-sparse",
            ["device"] = device,
            // Above every score, so that every sample pulls.
            ["hinge_lambda"] = "100",
            ["lr_warmup_steps"] = "0",
            // The plan knows no threads that share a batch.
            ["cpu_workers"] = "1",
        };
        foreach (
            var (name, value) in (KeyValuePair<string, string>[])
                [
                    new("batch", "4"),
                    new("resolution", "512"),
                    new("steps", "25"),
                    new("compute", device.StartsWith("cuda", StringComparison.Ordinal) ? "bf16" : "fp32"),
                    .. given,
                ]
        )
        {
            foreach (var setting in s_short.GetValueOrDefault(name, [name]))
            {
                settings[setting] = value;
            }
        }
        return AlignmentConfig.Resolve(settings);
    }

    private static int? Taken(Dictionary<string, string> given, string name, int? otherwise, int least)
    {
        if (!given.Remove(name, out var text))
        {
            return otherwise;
        }
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least
            ? number
            : throw new ArgumentException($"--{name}: found '{text}', expected an integer ≥ {least}");
    }
}
