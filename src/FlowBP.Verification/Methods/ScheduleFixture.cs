// Recorded noise schedules. A schedule is a function of a few numbers, rounded to binary32 at fixed places, so sigmas and
// timesteps agree exactly or not at all.

using System.Text.Json;
using FlowBP.Surrogates;

namespace FlowBP.Verification.Methods;

/// <summary>Checks <see cref="NoiseSchedule"/> and <see cref="FlowMatchEuler"/> against a <c>scheduler_sigmas.json</c>.</summary>
public static class ScheduleFixture
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "scheduler_sigmas.json";

    // μ is a handful of roundings in double.
    private const double MuTolerance = 1e-14;

    private static readonly Dictionary<string, Func<JsonElement, NoiseSchedule>> Schedules = new()
    {
        ["sd3_static"] = entry => NoiseSchedule.FlowMatchEuler(Steps(entry), Shift(entry)),
        ["sd3_pipeline_default"] = entry => FlowMatchEuler.PipelineDefault(Steps(entry), Shift(entry)),
        ["flux1_dynamic"] = entry => NoiseSchedule.DynamicShift(Steps(entry), FlowMatchEuler.LinearMu(Tokens(entry))),
        ["flux2"] = entry =>
            NoiseSchedule.DynamicShift(Steps(entry), FlowMatchEuler.EmpiricalMu(Tokens(entry), Steps(entry))),
    };

    private static readonly Dictionary<string, Func<JsonElement, double>> Shifts = new()
    {
        ["compute_empirical_mu"] = row => FlowMatchEuler.EmpiricalMu(row[0].GetInt32(), row[1].GetInt32()),
        ["calculate_shift"] = row => FlowMatchEuler.LinearMu(row[0].GetInt32()),
    };

    /// <summary>Runs every section of a file; a section that is not known is skipped by name.</summary>
    /// <param name="file">The file.</param>
    /// <exception cref="JsonException">The file is not JSON.</exception>
    public static IReadOnlyList<FixtureResult> Run(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(file));
        return
        [
            .. document
                .RootElement.EnumerateObject()
                .Select(section => FixtureResult.Guard(section.Name, () => Run(section.Name, section.Value))),
        ];
    }

    private static FixtureResult Run(string section, JsonElement entries)
    {
        if (Schedules.TryGetValue(section, out var make))
        {
            var exact = new Comparison(0);
            foreach (var entry in entries.EnumerateArray())
            {
                CompareSchedule(exact, make(entry), entry);
            }
            return exact.Result(section);
        }
        if (Shifts.TryGetValue(section, out var mu))
        {
            var close = new Comparison(MuTolerance);
            foreach (var row in entries.EnumerateArray())
            {
                close.Numbers($"μ of {row[0]} tokens", [mu(row)], [row[row.GetArrayLength() - 1].GetDouble()]);
            }
            return close.Result(section);
        }
        return FixtureResult.Skipped(section, $"no schedule {section}");
    }

    private static void CompareSchedule(Comparison comparison, NoiseSchedule schedule, JsonElement entry)
    {
        var name = $"of {schedule.Steps} steps";
        double[] timesteps = [.. Enumerable.Range(0, schedule.Steps).Select(schedule.Timestep)];
        comparison.Numbers($"sigmas {name}", schedule.Sigmas, Numbers(entry, "sigmas"));
        comparison.Numbers($"timesteps {name}", timesteps, Numbers(entry, "timesteps"));
        // What a network in bfloat16 receives: the rounded timestep, or a thousandth of it, rounded again.
        using var scope = torch.NewDisposeScope();
        var timestep_T = torch.tensor(timesteps).to(ScalarType.BFloat16);
        Rounded("timesteps_bf16", timestep_T);
        Rounded("t_over_1000_bf16", timestep_T / 1000);

        void Rounded(string key, Tensor actual_T)
        {
            if (entry.TryGetProperty(key, out _))
            {
                comparison.Numbers($"{key} {name}", Comparison.Values(actual_T), Numbers(entry, key));
            }
        }
    }

    private static int Steps(JsonElement entry) => entry.GetProperty("steps").GetInt32();

    private static int Tokens(JsonElement entry) => entry.GetProperty("image_seq_len").GetInt32();

    private static double Shift(JsonElement entry) => entry.GetProperty("shift").GetDouble();

    private static double[] Numbers(JsonElement entry, string name) => SamplerFixture.Numbers(entry.GetProperty(name));
}
