// Where a run writes. A folder that exists is never overwritten silently, and no file is ever half-written: all but the
// log that grows line by line are written beside their place and renamed.

using System.Text.Json;
using System.Text.Json.Serialization;
using FlowBP.Models.Formats;
using FlowBP.Training.Evaluation;

namespace FlowBP.Training.Alignment;

/// <summary>
/// The folder of one run: config.yaml, metrics.jsonl, evaluations.jsonl, samples/, checkpoints/, model/, summary.json.
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

    private readonly StreamWriter metrics;
    private readonly bool created;

    /// <summary>Creates the folder.</summary>
    /// <param name="root">Its path.</param>
    /// <param name="overwrite">Whether a folder of an earlier run may be replaced.</param>
    /// <exception cref="IOException">It exists and may not be replaced, or cannot be created.</exception>
    public OutputFolder(string root, bool overwrite)
    {
        Root = root;
        if (File.Exists(root))
        {
            throw new IOException($"{root} is a file; name a folder with --output_dir");
        }
        if (Directory.Exists(root) && Directory.EnumerateFileSystemEntries(root).Any())
        {
            if (!overwrite)
            {
                throw new IOException($"{root} exists; name another --output_dir, or replace it with --overwrite true");
            }
            if (!File.Exists(ConfigFile))
            {
                throw new IOException(
                    $"{root} was not written by a run (it has no config.yaml), so it is not replaced"
                );
            }
            Directory.Delete(root, recursive: true);
        }
        created = !Directory.Exists(root);
        Directory.CreateDirectory(Samples);
        metrics = new StreamWriter(Path.Combine(root, "metrics.jsonl")) { AutoFlush = true };
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
    public string Root { get; }

    /// <summary>Folder of the aligned model.</summary>
    public string Model => Path.Combine(Root, "model");

    /// <summary>Folder of the adapter, of a run that trained one; <see cref="Model"/> has it made part of the weights.</summary>
    public string Adapter => Path.Combine(Root, "lora");

    /// <summary>Folder of the pictures.</summary>
    public string Samples => Path.Combine(Root, "samples");

    /// <summary>Folder of the model, or of the adapter alone, after so many updates.</summary>
    /// <param name="step">Updates made.</param>
    public string Checkpoint(int step) => Path.Combine(Root, "checkpoints", $"step-{step:D6}");

    private string ConfigFile => Path.Combine(Root, "config.yaml");

    /// <summary>The path of the pictures of a step.</summary>
    /// <param name="step">Updates made.</param>
    public string Sample(int step) => Path.Combine(Samples, $"step-{step:D6}.png");

    /// <summary>Writes config.yaml: everything resolved.</summary>
    /// <param name="config">The run.</param>
    /// <param name="device">Name of the device that the run got; null: as the configuration has it.</param>
    public void WriteConfig(AlignmentConfig config, string? device = null)
    {
        var values = config.Resolved().ToDictionary(pair => pair.Key, pair => pair.Value);
        if (device is not null)
        {
            values[AlignmentSettings.Device.Name] = device;
        }
        AtomicFile.WriteText(ConfigFile, new YamlDotNet.Serialization.Serializer().Serialize(values));
    }

    /// <summary>Appends a line to metrics.jsonl.</summary>
    public void WriteMetrics(StepReport report)
    {
        metrics.WriteLine(
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
                },
                Lines
            )
        );
        HasMetrics = true;
    }

    /// <summary>Appends a line to evaluations.jsonl.</summary>
    /// <param name="step">Updates made.</param>
    /// <param name="result">What the judges say.</param>
    public void WriteEvaluation(int step, EvaluationResult result) =>
        File.AppendAllText(
            Path.Combine(Root, "evaluations.jsonl"),
            JsonSerializer.Serialize(
                new
                {
                    Step = step,
                    Reward = result.Reward.Average(),
                    HeldoutReward = result.HeldOutReward?.Average(),
                    RuleAccuracy = result.Accuracy,
                },
                Lines
            ) + "\n"
        );

    // Name, then plan: a curve of one index over the steps is then one path in the file.
    private static Dictionary<string, IReadOnlyList<int>[]> ByName(
        IReadOnlyList<IReadOnlyDictionary<string, IReadOnlyList<int>>> plans
    ) => plans[0].Keys.ToDictionary(name => name, name => plans.Select(plan => plan[name]).ToArray());

    /// <summary>Writes summary.json.</summary>
    public void WriteSummary(AlignmentSummary summary) =>
        AtomicFile.WriteText(Path.Combine(Root, "summary.json"), JsonSerializer.Serialize(summary, Indented) + "\n");

    /// <summary>Whether any training step has been recorded.</summary>
    public bool HasMetrics { get; private set; }

    /// <summary>
    /// Closes the folder, and removes what this run wrote if no step was recorded: a run that never began leaves nothing.
    /// </summary>
    public void Dispose()
    {
        metrics.Dispose();
        if (HasMetrics)
        {
            return;
        }
        Directory.Delete(Root, recursive: true);
        if (!created)
        {
            Directory.CreateDirectory(Root);
        }
    }
}
