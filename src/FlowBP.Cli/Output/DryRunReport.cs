// What --dry-run prints: everything that a run would do, as far as it follows from its settings. Nothing is loaded; a draw of the
// method's indices and the schedule cost microseconds.

using System.Globalization;
using FlowBP.Families;
using FlowBP.RandomStreams;
using FlowBP.Surrogates;
using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;

namespace FlowBP.Cli.Output;

/// <summary>The resolved run in words.</summary>
/// <param name="config">The run.</param>
/// <param name="file">Its configuration file; null: none.</param>
internal sealed class DryRunReport(AlignmentConfig config, string? file)
{
    private readonly PlannedSchedule planned = PlannedSchedule.Of(config);

    /// <summary>Writes all of it.</summary>
    public void Write(TextWriter to)
    {
        to.WriteLine("dry run: nothing is loaded, computed or written");
        to.WriteLine();
        WriteColumns(
            to,
            "",
            [
                ["method", $"{config.Method.Name}: {config.Method.Summary}"],
                ["backbone", config.Family?.Title ?? "not known from the model's folder or name"],
                .. file is null
                    ? Array.Empty<string[]>()
                    :
                    [
                        ["config", file],
                    ],
            ]
        );
        Section(
            to,
            "settings, and where each comes from",
            [.. config.Resolved().Select(pair => new[] { pair.Key, pair.Value, Place(pair.Key) })]
        );
        Section(
            to,
            "accepted without effect",
            [.. config.WithoutEffect.Select(key => new[] { key.Key, Shown(key.Text), key.Reason })]
        );
        Section(to, "schedule", Schedule());
        Section(to, "surrogate, as drawn for the first sample of the first step", Surrogate());
        Section(to, "an update", Update());
        Section(to, "not found on this machine", [.. Missing().Select(pair => new[] { pair.Name, pair.Path })]);
    }

    // The file is named above, once.
    private string Place(string setting)
    {
        var origin = config.OriginOf(setting);
        return origin.Precedence == Precedence.File
            ? origin.Place.Replace(file!, Path.GetFileName(file), StringComparison.Ordinal)
            : origin.Place;
    }

    private string[][] Schedule() =>
        [
            ["steps", $"{planned.Schedule.Steps}"],
            ["from", planned.Text],
            ["sigma", string.Join(' ', planned.Schedule.Sigmas.Select(sigma => Figures.Number(sigma, 3)))],
        ];

    private string[][] Surrogate()
    {
        var schedule = planned.Schedule;
        var plan = config.Planner.Draw(schedule, RandomStream.For(config.IndexSeed, 0, 0, RandomPurpose.Indices));
        var bridges = plan.ActiveSteps.Where(step => step.Bridge != 0).ToArray();
        return
        [
            ["reward input", RewardInput(plan.RewardInput)],
            ["active steps", $"{plan.ActiveSteps.Count} of {plan.Steps}: {Joined(plan, step => $"{step.Index}")}"],
            ["weights", Joined(plan, step => Figures.Short(step.Weight))],
            [
                "bridge",
                bridges.Length switch
                {
                    0 => "none: the steps are decoupled",
                    1 => $"at step {bridges[0].Index}, strength {Text(bridges[0].Bridge)}",
                    _ => $"at {bridges.Length} steps, strength {Text(bridges[0].Bridge)}",
                },
            ],
            [
                "sample weight",
                plan.SimilarityFloor is { } tau ? $"similarity of the leaps, floor {Text(tau)}" : "1 for every sample",
            ],
            ["indices", string.Join("; ", plan.Indices.Select(pair => $"{pair.Key} {string.Join(' ', pair.Value)}"))],
            ["rescale", string.Join("; ", plan.Rescale.Select(pair => $"{pair.Key} {Figures.Short(pair.Value)}"))],
            ["coverage", Figures.Percent(plan.Coverage(schedule))],
            ["nested depth", $"{plan.NestedDepth}"],
            [
                "cost per sample",
                $"{plan.RolloutSteps} velocities, a reward gradient of {plan.RewardInput.Rows},"
                    + $" {plan.ActiveSteps.Count * plan.RewardInput.Rows} vector-Jacobian products",
            ],
        ];
    }

    private string[][] Update()
    {
        var (batch, parts) = (config.TrainBatchSize, config.GradientAccumulationSteps);
        var hinge = config.Hinge;
        return
        [
            ["samples", parts == 1 ? $"{batch}" : $"{batch} in each of {parts} accumulated batches"],
            [
                "loss",
                $"hinge at {Text(hinge.Threshold)}, scale {Text(hinge.Scale)}"
                    + (config.CfgGradNormCompensate ? ", gradient divided by the guidance scale" : ""),
            ],
            ["guidance", Guidance()],
            [
                "learning rate",
                $"{Text(config.LearningRate.At(0))} at the first step,"
                    + $" {Text(config.LearningRate.At(config.MaxTrainSteps - 1))} at the last of"
                    + $" {config.MaxTrainSteps}",
            ],
            ["average", config.UseEma ? $"decay {Text(config.EmaDecay)}" : "none"],
        ];
    }

    private string Guidance()
    {
        var scale = Text(config.Model.CfgGuidance);
        return config.Family is { HasEmbeddedGuidance: true } ? $"{scale}, an input of the network"
            : config.Model.CfgGuidance == 1 ? "none"
            : $"{scale}, negative branch {(config.Training.CfgDetachNeg ? "a constant" : "differentiated")}";
    }

    private IEnumerable<(string Name, string Path)> Missing() =>
        from each in (IEnumerable<(string, string?)>)
            [
                ("model", config.Model.Model),
                .. config.Judges.Rewards.Select(reward => ("reward", (string?)reward.Given)),
                ("heldout_reward", config.Judges.HeldOutReward),
                ("prompts", config.PromptsGiven),
                ("prompt_embeds", config.Model.PromptEmbeds),
                ("lora_weights", config.Model.LoraWeights),
                ("eval_prompts", config.Judges.EvalPrompts),
            ]
        where each.Item2 is not (null or ModelFamilies.Embedded) && !Path.Exists(each.Item2)
        select (each.Item1, each.Item2!);

    private static string RewardInput(RewardInput input) =>
        input switch
        {
            PosteriorMean { RenoisedCopies: > 0 } mean =>
                $"the posterior mean at step {mean.Step}, and {mean.RenoisedCopies} re-noised copies of it",
            PosteriorMean mean => $"the posterior mean at step {mean.Step}, where the rollout ends",
            _ => "the end of the rollout, x_N",
        };

    private static string Joined(SurrogatePlan plan, Func<ActiveStep, string> text) =>
        string.Join(' ', plan.ActiveSteps.Select(text));

    private static string Text(double value) => value.ToString("G6", CultureInfo.InvariantCulture);

    private static string Shown(string text) => text.Length == 0 ? "(empty)" : text;

    private static void Section(TextWriter to, string title, IReadOnlyList<string[]> rows)
    {
        rows = [.. rows.Where(row => row[^1].Length > 0)];
        if (rows.Count == 0)
        {
            return;
        }
        to.WriteLine();
        to.WriteLine($"{title}:");
        WriteColumns(to, "  ", rows);
    }

    private static void WriteColumns(TextWriter to, string indent, IReadOnlyList<string[]> rows)
    {
        var widths = Enumerable
            .Range(0, rows.Max(row => row.Length))
            .Select(column => rows.Max(row => row.Length > column ? row[column].Length : 0))
            .ToArray();
        foreach (var row in rows)
        {
            to.WriteLine(indent + string.Join("  ", row.Select((cell, i) => cell.PadRight(widths[i]))).TrimEnd());
        }
    }
}
