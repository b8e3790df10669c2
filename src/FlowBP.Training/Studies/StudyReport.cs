// What a study finds, as numbers, made of the records of its cells and of nothing else.

using System.Text.Json.Serialization;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Studies;

/// <summary>What one seed of an arm ended with, where its last step is not simply kept.</summary>
/// <param name="Seed">Seed of the training.</param>
/// <param name="Hacking">What the alarm did; null: nobody watched.</param>
/// <param name="Kept">What was chosen; null: nothing was.</param>
public sealed record SeedEnding(long Seed, HackingOutcome? Hacking, Candidate? Kept);

/// <summary>What is found about an arm.</summary>
public sealed record ArmReport
{
    /// <summary>The arm.</summary>
    public required StudyArm Arm { get; init; }

    /// <summary>Seeds that are measured.</summary>
    public required IReadOnlyList<long> Seeds { get; init; }

    /// <summary>Why others are not.</summary>
    public required IReadOnlyList<string> Failures { get; init; }

    /// <summary>
    /// Gains over the base model by metric, those of its groups as <c>metric/group</c>; empty where no seed is measured.
    /// </summary>
    public required IReadOnlyDictionary<string, SeededGain> Gains { get; init; }

    /// <summary>Means over seeds on the way, with the base model at step 0; each over the seeds that have the step.</summary>
    public required IReadOnlyList<CurvePoint> Curve { get; init; }

    /// <summary>The training, means over seeds; a step that not all seeds have is the end of it.</summary>
    public required TrainingSeries Training { get; init; }

    /// <summary>How seeds ended, where something was watched or chosen.</summary>
    public required IReadOnlyList<SeedEnding> Endings { get; init; }
}

/// <summary>Two arms, compared on the seeds that both have.</summary>
/// <param name="Arm">The arm.</param>
/// <param name="Against">What it is compared with.</param>
/// <param name="Gains">By metric.</param>
public sealed record ArmComparison(string Arm, string Against, IReadOnlyDictionary<string, SeededGain> Gains);

/// <summary>What a study finds.</summary>
public sealed record StudyReport
{
    /// <summary>The study's name.</summary>
    public required string Study { get; init; }

    /// <summary>Whether it is the shortened form.</summary>
    public required bool IsQuick { get; init; }

    /// <summary>What it answers.</summary>
    public required string Question { get; init; }

    /// <summary>The model, as it was named.</summary>
    public required string Model { get; init; }

    /// <summary>Training seeds.</summary>
    public required IReadOnlyList<long> Seeds { get; init; }

    /// <summary>Seeds of the evaluation's noise.</summary>
    public required IReadOnlyList<long> NoiseSeeds { get; init; }

    /// <summary>Updates of a training.</summary>
    public required int Steps { get; init; }

    /// <summary>Prompts of the test split.</summary>
    public required int Prompts { get; init; }

    /// <summary>Pictures per prompt and draw of noise.</summary>
    public required int ImagesPerPrompt { get; init; }

    /// <summary>Means of the base model by metric.</summary>
    public required IReadOnlyDictionary<string, double> Base { get; init; }

    /// <summary>The arms, in the study's order.</summary>
    public required IReadOnlyList<ArmReport> Arms { get; init; }

    /// <summary>Arms against each other.</summary>
    public required IReadOnlyList<ArmComparison> Comparisons { get; init; }

    /// <summary>Errors of leaps on the base model; null: not measured.</summary>
    public IReadOnlyList<LeapError>? LeapErrors { get; init; }

    /// <summary>Seconds that this call took.</summary>
    [JsonIgnore]
    public double Seconds { get; init; }

    /// <summary>Gathers what the cells say.</summary>
    /// <param name="plan">The study.</param>
    /// <param name="records">A record per cell.</param>
    public static StudyReport Of(StudyPlan plan, IReadOnlyList<CellRecord> records)
    {
        var start = records.Single(record => record.Seed is null);
        var arms = plan.Arms.Select(arm => Arm(arm, start, [.. records.Where(record => record.Arm == arm.Name)]));
        return new()
        {
            Study = plan.Definition.Name,
            IsQuick = plan.Definition.IsQuick,
            Question = plan.Measure.Question,
            Model = plan.Base.Model.Model,
            Seeds = plan.Seeds,
            NoiseSeeds = plan.Measure.NoiseSeeds,
            Steps = plan.Base.MaxTrainSteps,
            Prompts = start.Metrics[0].Scores.Length,
            ImagesPerPrompt = plan.Base.Judges.EvalImagesPerPrompt,
            Base = start.Metrics.ToDictionary(metric => metric.Metric, metric => metric.Scores.Average()),
            Arms = [.. arms],
            Comparisons =
            [
                .. from arm in plan.Arms
                from other in arm.Against
                where plan.Arms.Any(known => known.Name == other)
                let shared = Shared(records, other, arm.Name)
                where shared.Length > 0
                select new ArmComparison(
                    arm.Name,
                    other,
                    Gains(
                        [.. shared.Select(pair => pair.First)],
                        [.. shared.Select(pair => pair.Second)],
                        start.Groups ?? []
                    )
                ),
            ],
            LeapErrors = start.LeapErrors,
        };
    }

    private static ArmReport Arm(StudyArm arm, CellRecord start, IReadOnlyList<CellRecord> records)
    {
        CellRecord[] measured = [.. records.Where(record => record.Failure is null)];
        return new()
        {
            Arm = arm,
            Seeds = [.. measured.Select(record => record.Seed!.Value)],
            Failures =
            [
                .. records
                    .Where(record => record.Failure is not null)
                    .Select(record => $"{arm.Name}, seed {record.Seed}: {record.Failure}"),
            ],
            Gains =
                measured.Length == 0
                    ? new Dictionary<string, SeededGain>()
                    : Gains([.. measured.Select(_ => start)], measured, start.Groups ?? []),
            Curve = [start.Curve[0], .. MeanCurve(measured)],
            Training = MeanTraining(records),
            Endings =
            [
                .. measured
                    .Where(record => record.Hacking is not null || record.Kept is not null)
                    .Select(record => new SeedEnding(record.Seed!.Value, record.Hacking, record.Kept)),
            ],
        };
    }

    private static (CellRecord First, CellRecord Second)[] Shared(
        IReadOnlyList<CellRecord> records,
        string first,
        string second
    ) =>
        [
            .. from one in records
            where one.Arm == first && one.Failure is null
            from other in records
            where other.Arm == second && other.Seed == one.Seed && other.Failure is null
            select (one, other),
        ];

    private static Dictionary<string, SeededGain> Gains(
        IReadOnlyList<CellRecord> before,
        IReadOnlyList<CellRecord> after,
        IReadOnlyList<PromptGroup> groups
    )
    {
        Dictionary<string, SeededGain> gains = [];
        foreach (var metric in before[0].Metrics)
        {
            var from = Values(before, metric.Metric);
            var to = Values(after, metric.Metric);
            Add(metric.Metric, values => values);
            foreach (var group in metric.IsShare ? groups : [])
            {
                Add($"{metric.Metric}/{group.Name}", values => [.. group.Prompts.Select(p => values[p])]);
            }

            void Add(string name, Func<double[], double[]> part) =>
                gains[name] = SeededGain.Of([.. from.Select(part)], [.. to.Select(part)]) with
                {
                    IsShare = metric.IsShare,
                };
        }
        return gains;
    }

    private static double[][] Values(IReadOnlyList<CellRecord> records, string metric) =>
        [.. records.Select(record => record.Metrics.Single(of => of.Metric == metric).Scores)];

    private static IEnumerable<CurvePoint> MeanCurve(IReadOnlyList<CellRecord> records) =>
        records
            .SelectMany(record => record.Curve)
            .GroupBy(point => point.Step)
            .OrderBy(group => group.Key)
            .Select(group => new CurvePoint(
                group.Key,
                group
                    .First()
                    .Means.Keys.ToDictionary(metric => metric, metric => group.Average(point => point.Means[metric]))
            ));

    private static TrainingSeries MeanTraining(IReadOnlyList<CellRecord> records)
    {
        TrainingSeries[] trainings = [.. records.Select(record => record.Training).OfType<TrainingSeries>()];
        return new()
        {
            Reward =
            [
                .. Mean([.. trainings.Select(training => training.Reward.Select(value => (double?)value).ToArray())])
                    .Select(value => value!.Value),
            ],
            SplitDeviation = Known(training => training.SplitDeviation),
            EndDeviation = Known(training => training.EndDeviation),
            VelocityNormRatio = Known(training => training.VelocityNormRatio),
        };

        IReadOnlyList<double?>? Known(Func<TrainingSeries, IReadOnlyList<double?>?> of) =>
            trainings.Length == 0 || trainings.Any(training => of(training) is null)
                ? null
                : Mean([.. trainings.Select(training => of(training)!)]);
    }

    private static double?[] Mean(IReadOnlyList<IReadOnlyList<double?>> series) =>
        series.Count == 0
            ? []
            :
            [
                .. Enumerable
                    .Range(0, series.Min(values => values.Count))
                    .Select(i => series.Average(values => values[i])),
            ];
}
