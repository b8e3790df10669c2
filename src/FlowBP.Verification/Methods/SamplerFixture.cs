// The index samplers of a recorded implementation, as far as they are functions of their draws: these agree exactly.
// DrawFixture.cs compares the draws themselves.

using System.Text.Json;
using FlowBP.Settings;
using FlowBP.Surrogates;

namespace FlowBP.Verification.Methods;

/// <summary>Checks the sections of a <c>samplers.json</c>.</summary>
internal static class SamplerFixture
{
    private static readonly Dictionary<string, Action<JsonElement, Comparison>> Checks = new()
    {
        ["interval_supports_start0"] = IntervalSupports,
        ["lagrange_weights"] = LagrangeWeights,
        ["active_supports"] = ActiveSupports,
        ["train_window"] = TrainWindow,
        ["dirichlet"] = Dirichlet,
        ["midpoint_modes"] = MidpointModes,
        ["bridge_counts"] = BridgeCounts,
        ["late_biased"] = DrawFixture.LateBiasedDraws,
        ["drtune_train_indices"] = DRTuneTrainIndices,
        ["drtune_stop"] = DRTuneStop,
        ["calculate_shift"] = CalculateShift,
    };

    /// <summary>The sections of a file, each with its check.</summary>
    public static IEnumerable<(string Name, Func<FixtureResult> Run)> Sections(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(file));
        foreach (var section in document.RootElement.EnumerateObject())
        {
            var (key, data) = (section.Name, section.Value.Clone());
            yield return (
                $"samplers/{key}",
                () =>
                {
                    var comparison = new Comparison(
                        key == "late_biased" ? DrawFixture.ProbabilityTolerance : MethodFixture.Tolerance,
                        MethodFixture.Negligible
                    );
                    CheckOf(key)(data, comparison);
                    return comparison.Result($"samplers/{key}");
                }
            );
        }
    }

    private static Action<JsonElement, Comparison> CheckOf(string key)
    {
        const string uniform = "uniform_jk_T";
        if (key.StartsWith(uniform, StringComparison.Ordinal) && int.TryParse(key[uniform.Length..], out var steps))
        {
            return (data, comparison) => DrawFixture.UniformLeaps(steps, data, comparison);
        }
        return Checks.GetValueOrDefault(key) ?? throw new UnknownNameException("section", key, Checks.Keys);
    }

    private static void IntervalSupports(JsonElement data, Comparison comparison)
    {
        foreach (var entry in data.GetProperty("cases").EnumerateObject())
        {
            var key = entry.Name.Split(',').Select(int.Parse).ToArray();
            comparison.Exactly(
                $"length, order {entry.Name}",
                Supports.Interior(0, key[0], key[1]),
                Integers(entry.Value)
            );
        }
    }

    private static void LagrangeWeights(JsonElement data, Comparison comparison)
    {
        foreach (var entry in data.EnumerateArray())
        {
            var schedule = NoiseSchedule.FromSigmas(Numbers(entry.GetProperty("sigmas")));
            var start = entry.GetProperty("start").GetInt32();
            var target = entry.GetProperty("target").GetInt32();
            var order = entry.GetProperty("order").GetInt32();
            var name = $"[{start}, {target}) of {schedule.Steps}, order {order}";
            var lagrange = LeapRules.Integrate(schedule, start, target, LeapRule.Lagrange, order);
            comparison.Exactly($"supports {name}", lagrange.Supports, Integers(entry.GetProperty("supports")));
            CompareLagrange(comparison, $"weights {name}", schedule, lagrange, Numbers(entry.GetProperty("weights")));
            var uniform = LeapRules.Integrate(schedule, start, target, LeapRule.Uniform, order);
            comparison.Numbers($"uniform {name}", uniform.Weights, Numbers(entry.GetProperty("uniform")));
            var trailing = LeapRules.Integrate(schedule, start, target, LeapRule.AdamsBashforth, order);
            comparison.Exactly(
                $"extrapolation supports {name}",
                trailing.Supports,
                Integers(entry.GetProperty("extrapolation_supports"))
            );
            CompareLagrange(
                comparison,
                $"extrapolation weights {name}",
                schedule,
                trailing,
                Numbers(entry.GetProperty("extrapolation_weights"))
            );
        }
    }

    // The recorded weights were integrated in powers of σ, whose coefficients reach Π (1 + σ_j) / |σ_s − σ_j|: so much
    // of the last digit is lost in their cancellation. Against exact rational arithmetic it is they that are off.
    private static void CompareLagrange(
        Comparison comparison,
        string name,
        NoiseSchedule schedule,
        Leap leap,
        double[] recorded
    )
    {
        const double lastDigit = 2.220446049250313e-16;
        var nodes = leap.Supports.Select(step => schedule.Sigmas[step]).ToArray();
        var amplification = nodes.Max(node =>
            nodes
                .Where(other => other != node)
                .Aggregate(1.0, (product, other) => product * (1 + other) / Math.Abs(node - other))
        );
        comparison.Numbers(name, leap.Weights, recorded, lastDigit * amplification / recorded.Max(Math.Abs));
    }

    private static void ActiveSupports(JsonElement data, Comparison comparison)
    {
        foreach (var entry in data.EnumerateArray())
        {
            var mode = Enum.Parse<SupportMode>(entry.GetProperty("mode").GetString()!, ignoreCase: true);
            var limit = entry.GetProperty("max_active");
            var active = Supports.Active(
                Integers(entry.GetProperty("supports")),
                entry.GetProperty("start").GetInt32(),
                mode,
                limit.ValueKind == JsonValueKind.Null ? null : limit.GetInt32()
            );
            comparison.Exactly(entry.GetRawText(), active, Integers(entry.GetProperty("active")));
        }
    }

    private static void TrainWindow(JsonElement data, Comparison comparison)
    {
        foreach (var entry in data.EnumerateArray())
        {
            var steps = entry.GetProperty("total_steps").GetInt32();
            var ratio = entry.GetProperty("tail_ratio");
            var tail = ratio.ValueKind == JsonValueKind.Null ? 1 : ratio.GetDouble();
            var one = TrainingWindow.Tail(steps, tail);
            var three = TrainingWindow.Tail(steps, tail, minLength: 3);
            var reverse = ReverseWindow.Tail(
                steps,
                tail,
                entry.GetProperty("min_idx").GetInt32(),
                entry.GetProperty("max_idx").GetInt32()
            );
            var name = $"{steps} steps, ratio {tail}";
            comparison.Exactly(name, [one.Start, one.End], Integers(entry.GetProperty("window_min1")));
            comparison.Exactly(name, [three.Start, three.End], Integers(entry.GetProperty("window_min3")));
            comparison.Exactly(name, [reverse.Min, reverse.Max], Integers(entry.GetProperty("reverse_window_min3")));
        }
    }

    private static void Dirichlet(JsonElement data, Comparison comparison)
    {
        foreach (var entry in data.GetProperty("cases").EnumerateArray())
        {
            var steps = entry.GetProperty("total_steps").GetInt32();
            var window = ReverseWindow.Tail(
                steps,
                entry.GetProperty("tail_ratio").GetDouble(),
                entry.GetProperty("min_idx").GetInt32(),
                entry.GetProperty("max_idx").GetInt32()
            );
            comparison.Exactly("window", [window.Min, window.Max], Integers(entry.GetProperty("clipped_window")));
            var gamma = Numbers(entry.GetProperty("gamma"));
            var cap = entry.GetProperty("max_j_rev");
            var drawn = LeapSampler.FromGamma(
                (float)gamma[0],
                (float)gamma[1],
                (float)gamma[2],
                steps,
                window,
                cap.ValueKind == JsonValueKind.Null ? null : cap.GetInt32()
            );
            CompareLeaps(comparison, entry, drawn);
        }
    }

    private static void MidpointModes(JsonElement data, Comparison comparison)
    {
        foreach (var entry in data.EnumerateArray())
        {
            var draw = entry.GetProperty("draw").GetInt32();
            var steps = entry.GetProperty("T").GetInt32();
            var drawn = entry.GetProperty("mode").GetString() switch
            {
                "midpoint" => LeapSampler.FromReverseStart(draw, steps),
                "midpoint_j" => LeapSampler.FromReverseSplit(draw, steps),
                var mode => throw new NotSupportedException($"no midpoint mode '{mode}'"),
            };
            CompareLeaps(comparison, entry, drawn);
        }
    }

    private static void BridgeCounts(JsonElement data, Comparison comparison)
    {
        foreach (var entry in data.GetProperty("cases").EnumerateArray())
        {
            var row = Integers(entry);
            var budget = BridgeBudget.Divide(row[0], row[1], row[2]);
            comparison.Exactly($"{row[0]} over {row[1]} and {row[2]}", [budget.Pre, budget.Post], row[3..]);
        }
    }

    private static void DRTuneTrainIndices(JsonElement data, Comparison comparison)
    {
        foreach (var entry in data.GetProperty("cases").EnumerateArray())
        {
            var total = entry.GetProperty("total").GetInt32();
            var count = entry.GetProperty("K").GetInt32();
            var starts = DRTunePlanner.Starts(total, count);
            comparison.Exactly($"starts of {count} in {total}", [starts], [entry.GetProperty("n_starts").GetInt32()]);
            var expected = entry.GetProperty("by_start").EnumerateArray().ToArray();
            for (var start = 0; start < Math.Min(starts, expected.Length); start++)
            {
                comparison.Exactly(
                    $"{count} in {total} from {start}",
                    DRTunePlanner.TrainIndices(total, count, start),
                    Integers(expected[start])
                );
            }
        }
    }

    private static void DRTuneStop(JsonElement data, Comparison comparison)
    {
        foreach (var entry in data.EnumerateArray())
        {
            var planner = new DRTunePlanner(new(EarlyStopRatio: entry.GetProperty("ratio").GetDouble()));
            comparison.Exactly(
                entry.GetRawText(),
                [planner.EarlyStops(entry.GetProperty("T").GetInt32())],
                [entry.GetProperty("early_stop_steps").GetInt32()]
            );
        }
    }

    private static void CalculateShift(JsonElement data, Comparison comparison)
    {
        foreach (var entry in data.EnumerateArray())
        {
            var tokens = entry[0].GetInt32();
            comparison.Numbers($"{tokens} tokens", [FlowMatchEuler.LinearMu(tokens)], [entry[1].GetDouble()]);
        }
    }

    private static void CompareLeaps(Comparison comparison, JsonElement entry, LeapIndices drawn) =>
        comparison.Exactly(
            entry.GetRawText(),
            [drawn.K, drawn.J],
            [entry.GetProperty("k").GetInt32(), entry.GetProperty("j").GetInt32()]
        );

    internal static int[] Integers(JsonElement array) => [.. array.EnumerateArray().Select(item => item.GetInt32())];

    internal static double[] Numbers(JsonElement array) => [.. array.EnumerateArray().Select(item => item.GetDouble())];
}
