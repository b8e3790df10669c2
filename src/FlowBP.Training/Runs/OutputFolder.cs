// Where a run writes. A folder that exists is never overwritten silently, and no file is ever half-written: all but the
// log that grows line by line are written beside their place and renamed.

using System.Text.Json;
using System.Text.Json.Serialization;
using FlowBP.Formats;
using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;
using FlowBP.Training.Evaluation;

namespace FlowBP.Training.Runs;

/// <summary>
/// The folder of one run: config.yaml, metrics.jsonl, evaluations.jsonl, hacking.jsonl, samples/, checkpoints/, model/, summary.json.
/// </summary>
public sealed class OutputFolder : IDisposable
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
    private const string EvaluationsName = "evaluations.jsonl";
    private const string HackingName = "hacking.jsonl";
    private const string SummaryName = "summary.json";

    private readonly OutputPlace place;
    private readonly LineLog metrics;
    private readonly Action<string>? notice;
    private LineLog? evaluations;
    private LineLog? hacking;
    private SpaceReservation? reserved;
    private bool hasWeights;

    /// <summary>Creates the folder.</summary>
    /// <param name="root">Its path.</param>
    /// <param name="overwrite">
    /// Whether a folder of an earlier run may be replaced. It stays where it is until the new run has recorded a step (until then
    /// the new one is written beside it), and is kept aside until that has stored weights.
    /// </param>
    /// <param name="notice">Hears of what was left of other runs, and where it is; null: nobody.</param>
    /// <exception cref="IOException">It exists and may not be replaced, or cannot be created.</exception>
    public OutputFolder(string root, bool overwrite, Action<string>? notice = null)
    {
        this.notice = notice;
        place = new OutputPlace(root, overwrite, notice);
        try
        {
            FolderEntries.Create(Samples);
            metrics = LineLog.Open(Owned(MetricsName), FileMode.Create, FileShare.Read);
        }
        catch
        {
            place.Abandon();
            place.Dispose();
            throw;
        }
    }

    /// <summary>Refuses a folder that holds anything; a command without a run's files never replaces one.</summary>
    /// <param name="root">The folder that is to be created.</param>
    /// <exception cref="IOException">It holds something.</exception>
    public static void RequireEmpty(string root)
    {
        if (File.Exists(root) || (Directory.Exists(root) && Directory.EnumerateFileSystemEntries(root).Any()))
        {
            throw new IOException($"{root} exists; name another --output_dir");
        }
    }

    /// <summary>The folder.</summary>
    public string Root => place.Current;

    /// <summary>Folder of the aligned model.</summary>
    public string Model => Path.Combine(Root, "model");

    /// <summary>Folder of the adapter, of a run that trained one; <see cref="Model"/> has it made part of the weights.</summary>
    public string Adapter => Path.Combine(Root, "lora");

    /// <summary>Folder of the model that was chosen, of a run that chooses.</summary>
    public string Selected => Path.Combine(Root, "selected");

    /// <summary>Folder of the pictures.</summary>
    public string Samples => Path.Combine(Root, "samples");

    /// <summary>Folder of the model, or of the adapter alone, after so many updates.</summary>
    /// <param name="step">Updates made.</param>
    public string Checkpoint(int step) => Path.Combine(Root, "checkpoints", $"step-{step:D6}");

    /// <summary>Folder of what a run had trained when it was stopped.</summary>
    /// <param name="step">Updates made.</param>
    public string Stopped(int step) => $"{Checkpoint(step)}-stopped";

    /// <summary>Sets space aside for the trained weights, which the disk has then whatever else is written to it.</summary>
    /// <param name="bytes">How much.</param>
    /// <exception cref="IOException">There is not so much.</exception>
    public void Reserve(long bytes)
    {
        ReleaseReserve();
        reserved = new SpaceReservation(Root, bytes);
    }

    /// <summary>Gives the space back: now the weights are written.</summary>
    public void ReleaseReserve()
    {
        reserved?.Dispose();
        reserved = null;
    }

    /// <summary>
    /// Stores weights of this run. Each of their files is listed as this run's before it is there; with them, what was recorded by
    /// then is put on the disk. A run that this one replaces is not needed any more.
    /// </summary>
    /// <param name="save">Writes the files, to this folder or elsewhere.</param>
    public void Store(Action save)
    {
        using (Listed())
        {
            save();
        }
        hasWeights = true;
        Flush();
        DeletePrevious();
    }

    /// <summary>Lists files that are written into this folder until the result is disposed, each before it is there.</summary>
    public IDisposable Listed()
    {
        var root = Path.GetFullPath(Root);
        return WrittenFiles.To(path =>
        {
            var name = Path.GetRelativePath(root, path);
            if (RunManifest.IsBelow(name))
            {
                place.Manifest.Add(name);
            }
        });
    }

    private void Flush()
    {
        metrics.Flush();
        evaluations?.Flush();
        hacking?.Flush();
    }

    private void DeletePrevious()
    {
        if (HasMetrics && hasWeights)
        {
            place.DeletePrevious(notice);
        }
    }

    // The path of a file of this run.
    private string Owned(string name)
    {
        place.Manifest.Add(name);
        return Path.Combine(Root, name);
    }

    /// <summary>The path of the pictures of a step.</summary>
    /// <param name="step">Updates made.</param>
    public string Sample(int step) => Owned($"samples/step-{step:D6}.png");

    /// <summary>The path of the pictures before and after the run.</summary>
    public string Comparison => Owned("samples/before-after.png");

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
        AtomicFile.WriteText(Owned(ConfigName), new YamlDotNet.Serialization.Serializer().Serialize(values));
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
                    Rewards = report.Rewards?.Scores,
                    RewardGradientCosines = report.Rewards?.Cosines,
                },
                Lines
            )
        );
        if (!HasMetrics)
        {
            HasMetrics = true;
            place.Replace();
            DeletePrevious();
        }
    }

    /// <summary>Appends a line to evaluations.jsonl.</summary>
    /// <param name="step">Updates made.</param>
    /// <param name="result">What the judges say.</param>
    public void WriteEvaluation(int step, EvaluationResult result)
    {
        evaluations ??= LineLog.Open(Owned(EvaluationsName), FileMode.OpenOrCreate, FileShare.Read);
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
        hacking ??= LineLog.Open(Owned(HackingName), FileMode.OpenOrCreate, FileShare.Read);
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

    // Name, then plan: a curve of one index over the steps is then one path in the file.
    private static Dictionary<string, IReadOnlyList<int>[]> ByName(
        IReadOnlyList<IReadOnlyDictionary<string, IReadOnlyList<int>>> plans
    ) => plans[0].Keys.ToDictionary(name => name, name => plans.Select(plan => plan[name]).ToArray());

    /// <summary>Writes summary.json; what it sums up is on the disk by then.</summary>
    public void WriteSummary(AlignmentSummary summary)
    {
        Flush();
        AtomicFile.WriteText(Owned(SummaryName), JsonSerializer.Serialize(summary, Indented) + "\n");
    }

    /// <summary>Whether any training step has been recorded.</summary>
    public bool HasMetrics { get; private set; }

    /// <summary>
    /// Closes the folder, and removes what this run wrote if neither a step was recorded nor weights were stored: a run that never
    /// began leaves nothing.
    /// </summary>
    public void Dispose()
    {
        ReleaseReserve();
        metrics.Dispose();
        evaluations?.Dispose();
        hacking?.Dispose();
        if (!HasMetrics && !hasWeights)
        {
            place.Abandon();
        }
        place.Dispose();
    }
}
