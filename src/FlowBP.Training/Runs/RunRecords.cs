// What a run writes about itself. A log grows line by line; config.yaml and summary.json are written as a whole.

using System.Text.Json;
using System.Text.Json.Serialization;
using FlowBP.Formats;
using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;
using FlowBP.Training.Evaluation;

namespace FlowBP.Training.Runs;

/// <summary>The records of one run: config.yaml, metrics.jsonl, evaluations.jsonl, hacking.jsonl, summary.json.</summary>
public sealed class RunRecords : IDisposable
{
    private static readonly JsonSerializerOptions Lines = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DictionaryKeyPolicy = null,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    private static readonly JsonSerializerOptions Indented = new(Lines) { WriteIndented = true };

    internal const string MetricsName = "metrics.jsonl";
    private const string ConfigName = "config.yaml";
    internal const string EvaluationsName = "evaluations.jsonl";
    internal const string HackingName = "hacking.jsonl";
    internal const string SummaryName = "summary.json";

    private readonly Func<string, string> owned;
    private readonly Action begun;
    private readonly LineLog metrics;
    private LineLog? evaluations;
    private LineLog? hacking;

    /// <summary>Opens metrics.jsonl.</summary>
    /// <param name="owned">Lists a file as the run's by its name, and says where it is to be written.</param>
    /// <param name="begun">Is called once, when the first step has been recorded.</param>
    /// <param name="goesOn">Whether lines are added to what is there; otherwise it is empty then.</param>
    /// <exception cref="IOException">It can't be opened.</exception>
    internal RunRecords(Func<string, string> owned, Action begun, bool goesOn = false)
    {
        this.owned = owned;
        this.begun = begun;
        var path = owned(MetricsName);
        metrics = LineLog.Open(path, goesOn ? FileMode.OpenOrCreate : FileMode.Create, FileShare.Read);
        HasMetrics = new FileInfo(path).Length > 0;
        if (goesOn && File.Exists(Path.Combine(Path.GetDirectoryName(path)!, EvaluationsName)))
        {
            evaluations = OpenEvaluations();
        }
    }

    /// <summary>Whether any training step has been recorded.</summary>
    public bool HasMetrics { get; private set; }

    /// <summary>Writes config.yaml: everything resolved.</summary>
    /// <param name="config">The run.</param>
    /// <param name="device">Name of the device that the run got; null: as the configuration has it.</param>
    public void WriteConfig(AlignmentConfig config, string? device = null)
    {
        var values = config.Resolved().ToDictionary(pair => pair.Key, pair => pair.Value);
        if (device is not null)
        {
            values["device"] = device;
        }
        // What the run is, and not how it came to be: the file repeats it from the start.
        values["resume_from_checkpoint"] = "none";
        AtomicFile.WriteText(owned(ConfigName), new YamlDotNet.Serialization.Serializer().Serialize(values));
    }

    /// <summary>Appends a line to metrics.jsonl.</summary>
    public void WriteMetrics(StepReport report)
    {
        metrics.Append(
            JsonSerializer.Serialize(
                new
                {
                    report.Step,
                    report.Surrogate.Loss,
                    report.Surrogate.Reward,
                    report.GradNorm,
                    report.LearningRate,
                    report.Seconds,
                    report.ImagesPerSecond,
                    report.PeakMemoryBytes,
                    report.LiveTensors,
                    report.SecondsByPart,
                    RolloutEvaluations = report.Surrogate.RolloutEvaluations.Calls,
                    VectorJacobianProducts = report.Surrogate.Pullbacks.Calls,
                    report.Surrogate.ActiveFraction,
                    report.Surrogate.KeptFraction,
                    Indices = ByName(report.Surrogate.Indices),
                    report.Surrogate.Rescale,
                    Weight = report.Surrogate.SampleWeight,
                    DeviationSplit = report.Surrogate.SplitDeviation,
                    DeviationEnd = report.Surrogate.EndDeviation,
                    report.Surrogate.ReconstructionError,
                    report.Surrogate.Coverage,
                    report.Surrogate.NestedDepth,
                    report.Surrogate.NegativeWeightFraction,
                    report.Surrogate.AnchorLoss,
                    report.Surrogate.VelocityNormRatio,
                    report.Surrogate.VelocitySquaredDifference,
                    report.Surrogate.FlowMatchingLoss,
                    Rewards = report.Rewards?.Scores,
                    RewardGradientCosines = report.Rewards?.Cosines,
                },
                Lines
            )
        );
        Began();
    }

    /// <summary>Appends a line to metrics.jsonl for a step that was left out.</summary>
    /// <param name="step">Number of the step, from 1.</param>
    /// <param name="reason">What was not finite.</param>
    public void WriteLeftOut(int step, string reason)
    {
        metrics.Append(JsonSerializer.Serialize(new { Step = step, LeftOut = reason }, Lines));
        Began();
    }

    /// <summary>Appends a line to evaluations.jsonl.</summary>
    /// <param name="step">Updates made.</param>
    /// <param name="result">What the judges say.</param>
    public void WriteEvaluation(int step, EvaluationResult result)
    {
        evaluations ??= OpenEvaluations();
        var line = new Dictionary<string, object> { ["step"] = step };
        foreach (var judgement in result.Judgements)
        {
            line[judgement.Metric] = judgement.Scores.Average();
        }
        evaluations.Append(JsonSerializer.Serialize(line, Lines));
    }

    /// <summary>Appends a line to hacking.jsonl: what the alarm's judge says.</summary>
    /// <param name="judgement">The judgement.</param>
    public void WriteHacking(HackingJudgement judgement)
    {
        hacking ??= LineLog.Open(owned(HackingName), FileMode.OpenOrCreate, FileShare.Read);
        hacking.Append(
            JsonSerializer.Serialize(
                new
                {
                    judgement.Step,
                    judgement.Score,
                    judgement.BestStep,
                    Difference = judgement.Fall?.Gain,
                    DifferenceCi95 = judgement.Fall?.GainCi95,
                    judgement.Trips,
                },
                Lines
            )
        );
    }

    /// <summary>The rewards in metrics.jsonl: the batch's mean of each step that was not left out.</summary>
    /// <exception cref="InvalidDataException">Somebody else wrote a line into it; names file and line.</exception>
    internal IReadOnlyList<StepValue> Rewards() => Points(metrics, "reward");

    /// <summary>A metric in evaluations.jsonl: means over all pictures.</summary>
    /// <param name="metric">The metric.</param>
    internal IReadOnlyList<StepValue> Evaluations(string metric) =>
        evaluations is null ? [] : Points(evaluations, metric);

    /// <summary>Writes summary.json; what it sums up is on the disk by then.</summary>
    public void WriteSummary(AlignmentSummary summary)
    {
        Flush();
        AtomicFile.WriteText(owned(SummaryName), JsonSerializer.Serialize(summary, Indented) + "\n");
    }

    /// <summary>Puts what was recorded on the disk.</summary>
    /// <exception cref="IOException">The disk reports an error.</exception>
    internal void Flush()
    {
        metrics.Flush();
        evaluations?.Flush();
        hacking?.Flush();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        metrics.Dispose();
        evaluations?.Dispose();
        hacking?.Dispose();
    }

    private LineLog OpenEvaluations() => LineLog.Open(owned(EvaluationsName), FileMode.OpenOrCreate, FileShare.Read);

    private static IReadOnlyList<StepValue> Points(LineLog log, string key)
    {
        List<StepValue> points = [];
        foreach (var (index, line) in log.Read().Index())
        {
            try
            {
                using var json = JsonDocument.Parse(line);
                if (json.RootElement.TryGetProperty(key, out var value))
                {
                    points.Add(new(json.RootElement.GetProperty("step").GetInt32(), value.GetDouble()));
                }
            }
            catch (Exception e)
                when (e is JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
            {
                throw BadFile.Of($"{log.Path}, line {index + 1} is no record of '{key}': {e.Message}", e);
            }
        }
        return points;
    }

    private void Began()
    {
        if (!HasMetrics)
        {
            HasMetrics = true;
            begun();
        }
    }

    // Name, then plan: a curve of one index over the steps is then one path in the file.
    private static Dictionary<string, IReadOnlyList<int>[]> ByName(
        IReadOnlyList<IReadOnlyDictionary<string, IReadOnlyList<int>>> plans
    ) => plans[0].Keys.ToDictionary(name => name, name => plans.Select(plan => plan[name]).ToArray());
}
