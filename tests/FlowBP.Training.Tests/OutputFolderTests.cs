using System.Text.Json;
using FlowBP.Training.Alignment;
using FlowBP.Training.Devices;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Runs;

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
    public void An_earlier_run_gives_way_to_a_recorded_step_and_goes_when_weights_are_stored()
    {
        var stale = EarlierRun("run");
        using var output = new OutputFolder(folder.Of("run"), overwrite: true);
        Assert.That(File.Exists(stale), Is.True, "nothing is recorded yet");
        output.WriteMetrics(Report(1));
        Assert.That(Lines("run.replaced/metrics.jsonl"), Is.EqualTo(2), "nothing is stored yet");
        Assert.That(Lines("run/metrics.jsonl"), Is.EqualTo(1));
        StoreWeights(output);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(File.Exists(stale), Is.False);
            Assert.That(output.Root, Is.EqualTo(folder.Of("run")));
            Assert.That(Lines("run/metrics.jsonl"), Is.EqualTo(1));
            Assert.That(Directory.GetFileSystemEntries(folder.Of(".")), Has.Length.EqualTo(1), "nothing beside it");
        }
    }

    [Test]
    public void A_run_that_fails_before_its_first_step_leaves_the_earlier_one_as_it_was()
    {
        var kept = EarlierRun("run");
        using (var output = new OutputFolder(folder.Of("run"), overwrite: true))
        {
            File.WriteAllText(output.Sample(0), "a picture");
        }
        using (Assert.EnterMultipleScope())
        {
            Assert.That(File.Exists(kept), Is.True);
            Assert.That(Lines("run/metrics.jsonl"), Is.EqualTo(2));
            Assert.That(Directory.GetFileSystemEntries(folder.Of(".")), Has.Length.EqualTo(1));
        }
    }

    [TestCase("thesis.txt")]
    [TestCase("samples/favourite.png")]
    [TestCase("mine/deep/down.bin")]
    public void Overwriting_never_removes_a_file_that_no_run_has_written(string name)
    {
        EarlierRun("run");
        folder.Write($"run/{name}", "mine");
        List<string> notices = [];
        using var output = new OutputFolder(folder.Of("run"), overwrite: true, notices.Add);
        output.WriteMetrics(Report(1));
        StoreWeights(output);
        Assert.That(File.ReadAllText(folder.Of($"run.replaced/{name}")), Is.EqualTo("mine"));
        Assert.That(notices, Has.One.Contains("run.replaced"));
        Assert.That(
            Directory.GetFiles(folder.Of("run.replaced"), "*", SearchOption.AllDirectories),
            Has.Length.EqualTo(1)
        );
    }

    [TestCase("thesis.txt")]
    [TestCase("config.yaml")]
    [TestCase("metrics.jsonl")]
    public void A_folder_that_no_run_has_made_is_never_replaced(string name)
    {
        var file = folder.Write($"home/{name}", "chapter one");
        Assert.That(
            () => new OutputFolder(folder.Of("home"), overwrite: true),
            Throws.InstanceOf<IOException>().With.Message.Contains("not written by a run")
        );
        Assert.That(File.ReadAllText(file), Is.EqualTo("chapter one"));
    }

    [Test]
    public void Two_runs_do_not_write_to_one_folder()
    {
        using var first = new OutputFolder(folder.Of("run"), overwrite: false);
        first.WriteMetrics(Report(1));
        Assert.That(
            () => new OutputFolder(folder.Of("run"), overwrite: true),
            Throws.InstanceOf<IOException>().With.Message.Contains("in use by another run")
        );
        Assert.That(Lines("run/metrics.jsonl"), Is.EqualTo(1));
    }

    [Test]
    public void What_a_killed_run_left_before_its_first_step_is_as_good_as_nothing()
    {
        folder.Write("run/.flowbp-run", "# a comment\nconfig.yaml\nmetrics.jsonl\n");
        folder.Write("run/config.yaml", "method: refl");
        folder.Write("run/metrics.jsonl", "");
        folder.Write($"run/reserved.7.{Guid.NewGuid():N}.tmp", "");
        using var output = new OutputFolder(folder.Of("run"), overwrite: false);
        Assert.That(File.Exists(folder.Of("run/config.yaml")), Is.False);
        Assert.That(Directory.GetFiles(output.Root), Has.Length.EqualTo(2), "the new manifest and the new log");
    }

    [Test]
    public void A_replacement_that_was_killed_halfway_is_completed_by_the_next()
    {
        EarlierRun("run");
        folder.Write("run/model/transformer/weights.safetensors", "");
        File.AppendAllText(folder.Of("run/.flowbp-run"), "model/transformer/weights.safetensors\n");
        EarlierRun("run.unfinished");
        EarlierRun("run.replaced");
        using var output = new OutputFolder(folder.Of("run"), overwrite: true);
        output.WriteMetrics(Report(1));
        StoreWeights(output);
        Assert.That(Directory.GetFileSystemEntries(folder.Of(".")), Is.EqualTo(new[] { folder.Of("./run") }));
    }

    [Test]
    public void A_killed_run_without_weights_gives_the_place_back_to_the_one_it_was_to_replace()
    {
        EarlierRun("run");
        EarlierRun("run.replaced");
        folder.Write("run.replaced/mine.txt", "the earlier one");
        Assert.That(
            () => new OutputFolder(folder.Of("run"), overwrite: false),
            Throws.InstanceOf<IOException>().With.Message.Contains("--overwrite true")
        );
        Assert.That(File.ReadAllText(folder.Of("run/mine.txt")), Is.EqualTo("the earlier one"));
        Assert.That(Directory.Exists(folder.Of("run.replaced")), Is.False);
    }

    [Test]
    public void A_manifest_leads_nowhere_outside_of_its_folder()
    {
        var outside = folder.Write("precious.txt", "mine");
        EarlierRun("run");
        File.AppendAllText(folder.Of("run/.flowbp-run"), $"../precious.txt\n{outside}\n");
        using var output = new OutputFolder(folder.Of("run"), overwrite: true);
        output.WriteMetrics(Report(1));
        StoreWeights(output);
        Assert.That(File.ReadAllText(outside), Is.EqualTo("mine"));
    }

    [Test]
    public void Space_that_is_set_aside_has_no_name_and_more_than_there_is_is_refused()
    {
        using var output = new OutputFolder(folder.Of("run"), overwrite: false);
        var before = Directory.GetFiles(output.Root).Length;
        output.Reserve(1 << 20);
        Assert.That(Directory.GetFiles(output.Root), Has.Length.EqualTo(before));
        var drive = new DriveInfo(Path.GetFullPath(output.Root));
        Assert.That(
            () => output.Reserve(drive.TotalSize + (1L << 40)),
            Throws.InstanceOf<IOException>().With.Message.Contains("no room for the weights")
        );
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
                    ["rule_accuracy/color_attr"] = new(0.1, 0.3, 0.2, [0, 0.4], 12),
                },
            }
        );
        using var summary = JsonDocument.Parse(File.ReadAllText(folder.Of("run/summary.json")));
        var gain = summary.RootElement.GetProperty("metrics").GetProperty("rule_accuracy/color_attr");
        Assert.That(gain.GetProperty("gain").GetDouble(), Is.EqualTo(0.2));
        Assert.That(gain.GetProperty("gain_ci95")[1].GetDouble(), Is.EqualTo(0.4));
        Assert.That(gain.GetProperty("prompts").GetInt32(), Is.EqualTo(12));
        Assert.That(summary.RootElement.GetProperty("peak_memory_bytes").GetInt64(), Is.EqualTo(3));
    }

    private static void StoreWeights(OutputFolder output)
    {
        Directory.CreateDirectory(output.Model);
        File.WriteAllText(Path.Combine(output.Model, "weights.safetensors"), "");
        output.Own(output.Model);
    }

    // A run of two steps; returns one of its files.
    private string EarlierRun(string name)
    {
        var other = folder.Of($"{name}-made");
        string sample;
        using (var output = new OutputFolder(other, overwrite: false))
        {
            output.WriteMetrics(Report(1));
            output.WriteMetrics(Report(2));
            sample = Path.GetRelativePath(other, output.Sample(9));
            File.WriteAllText(Path.Combine(other, sample), "a picture");
        }
        Directory.Move(other, folder.Of(name));
        return folder.Of($"{name}/{sample}");
    }

    private int Lines(string name) => File.ReadLines(folder.Of(name)).Count();

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
