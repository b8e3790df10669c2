using System.Text.Json;
using FlowBP.Training.Alignment;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Tests;

public class OutputFolderTests
{
    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void An_existing_folder_is_refused_and_left_alone()
    {
        var file = folder.Write("run/config.yaml", "method: refl");
        Assert.That(
            () => new OutputFolder(folder.Of("run"), overwrite: false),
            Throws.InstanceOf<IOException>().With.Message.Contains("--overwrite true")
        );
        Assert.That(File.ReadAllText(file), Is.EqualTo("method: refl"));
    }

    [Test]
    public void Overwriting_replaces_an_earlier_run_whole()
    {
        folder.Write("run/config.yaml", "method: refl");
        var stale = folder.Write("run/samples/step-000009.png", "");
        using var output = new OutputFolder(folder.Of("run"), overwrite: true);
        Assert.That(File.Exists(stale), Is.False);
        Assert.That(Directory.Exists(output.Samples), Is.True);
    }

    [Test]
    public void Overwriting_never_removes_what_no_run_has_written()
    {
        var file = folder.Write("home/thesis.txt", "chapter one");
        Assert.That(
            () => new OutputFolder(folder.Of("home"), overwrite: true),
            Throws.InstanceOf<IOException>().With.Message.Contains("not written by a run")
        );
        Assert.That(File.ReadAllText(file), Is.EqualTo("chapter one"));
    }

    [Test]
    public void A_file_of_that_name_is_refused() =>
        Assert.That(
            () => new OutputFolder(folder.Write("run", ""), overwrite: true),
            Throws.InstanceOf<IOException>().With.Message.Contains("is a file")
        );

    [Test]
    public void An_empty_folder_is_as_good_as_none()
    {
        Directory.CreateDirectory(folder.Of("run"));
        using var output = new OutputFolder(folder.Of("run"), overwrite: false);
        Assert.That(Directory.Exists(output.Samples), Is.True);
    }

    [Test]
    public void A_run_that_never_began_leaves_nothing()
    {
        new OutputFolder(folder.Of("run"), overwrite: false).Dispose();
        Assert.That(Directory.Exists(folder.Of("run")), Is.False);
    }

    [Test]
    public void The_written_configuration_resolves_to_the_same_run()
    {
        var config = AlignmentConfig.Resolve([
            new("method", "flowbp-lagrange"),
            new("learning_rate", "3e-6"),
            new("output_dir", folder.Of("run")),
        ]);
        using var output = new OutputFolder(folder.Of("run"), overwrite: false);
        output.WriteConfig(config);
        var read = new YamlDotNet.Serialization.Deserializer().Deserialize<Dictionary<string, string>>(
            File.ReadAllText(folder.Of("run/config.yaml"))
        );
        Assert.That(AlignmentConfig.Resolve(read).Resolved(), Is.EqualTo(config.Resolved()));
    }

    [Test]
    public void A_step_is_a_line_of_json_as_soon_as_it_is_written()
    {
        using var output = new OutputFolder(folder.Of("run"), overwrite: false);
        output.WriteMetrics(Report(1));
        output.WriteMetrics(Report(2));
        using var stream = new FileStream(
            folder.Of("run/metrics.jsonl"),
            FileMode.Open,
            FileAccess.Read,
            FileShare.ReadWrite
        );
        using var reader = new StreamReader(stream);
        var lines = reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(lines, Has.Length.EqualTo(2));
        using var second = JsonDocument.Parse(lines[1]);
        var line = second.RootElement;
        Assert.That(line.GetProperty("step").GetInt32(), Is.EqualTo(2));
        Assert.That(line.GetProperty("grad_norm").GetDouble(), Is.EqualTo(0.25));
        Assert.That(line.GetProperty("vector_jacobian_products").GetInt64(), Is.EqualTo(4));
        Assert.That(line.GetProperty("indices").GetProperty("active")[0][1].GetInt32(), Is.EqualTo(9));
        Assert.That(line.GetProperty("indices").GetProperty("active")[1][0].GetInt32(), Is.EqualTo(1));
        Assert.That(line.GetProperty("seconds_by_part").GetProperty("rollout").GetDouble(), Is.EqualTo(0.5));
        Assert.That(line.TryGetProperty("deviation_split", out _), Is.False, "methods without a split have none");
    }

    [Test]
    public void The_summary_holds_gains_with_their_intervals()
    {
        using var output = new OutputFolder(folder.Of("run"), overwrite: false);
        output.WriteMetrics(Report(1));
        output.WriteSummary(
            new()
            {
                Method = "refl",
                Steps = 1,
                Seconds = 2,
                SecondsPerStep = 2,
                PeakMemoryBytes = 3,
                PeakMemoryOf = PeakMemoryKind.Tensors,
                EvaluationPrompts = 4,
                Metrics = new Dictionary<string, PairedGain>
                {
                    ["rule_accuracy/color_attr"] = new(0.1, 0.3, 0.2, [0, 0.4]),
                },
            }
        );
        using var summary = JsonDocument.Parse(File.ReadAllText(folder.Of("run/summary.json")));
        var gain = summary.RootElement.GetProperty("metrics").GetProperty("rule_accuracy/color_attr");
        Assert.That(gain.GetProperty("gain").GetDouble(), Is.EqualTo(0.2));
        Assert.That(gain.GetProperty("gain_ci95")[1].GetDouble(), Is.EqualTo(0.4));
        Assert.That(summary.RootElement.GetProperty("peak_memory_bytes").GetInt64(), Is.EqualTo(3));
    }

    private static StepReport Report(int step) =>
        new()
        {
            Step = step,
            GradNorm = 0.25,
            LearningRate = 1e-5,
            Seconds = 1,
            SecondsByPart = new Dictionary<string, double> { ["rollout"] = 0.5 },
            ImagesPerSecond = 2,
            PeakMemoryBytes = 1024,
            Surrogate = new()
            {
                Loss = 0.5,
                Reward = 0.3,
                SampleWeight = 1,
                ActiveFraction = 1,
                KeptFraction = 1,
                SplitDeviation = null,
                EndDeviation = null,
                ReconstructionError = null,
                Coverage = 0.4,
                NestedDepth = 0,
                NegativeWeightFraction = 0,
                Rescale = new Dictionary<string, double> { ["gamma"] = 1.5 },
                Indices =
                [
                    new Dictionary<string, IReadOnlyList<int>> { ["active"] = [3, 9] },
                    new Dictionary<string, IReadOnlyList<int>> { ["active"] = [1, 4] },
                ],
                RolloutEvaluations = new(16, 32),
                RenoiseEvaluations = default,
                Pullbacks = new(4, 8),
            },
        };
}
