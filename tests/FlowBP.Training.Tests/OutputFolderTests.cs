using System.Text.Json;
using FlowBP.Formats;
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

    [TestCase("run.unfinished")]
    [TestCase("run.replaced")]
    [TestCase("run.replaced-2")]
    [TestCase("run.replaced-17")]
    public void A_complete_run_comes_back_from_wherever_a_killed_one_has_left_it(string place)
    {
        if (place.StartsWith("run.replaced-", StringComparison.Ordinal))
        {
            folder.Write("run.replaced/thesis.txt", "mine");
        }
        EarlierRun("run");
        CompleteRun(place);
        folder.Write($"{place}/mine.txt", "the complete one");
        List<string> notices = [];
        Assert.That(
            () => new OutputFolder(folder.Of("run"), overwrite: false, notices.Add),
            Throws.InstanceOf<IOException>().With.Message.Contains("--overwrite true")
        );
        using (Assert.EnterMultipleScope())
        {
            Assert.That(File.ReadAllText(folder.Of("run/mine.txt")), Is.EqualTo("the complete one"));
            Assert.That(File.Exists(folder.Of("run/model/weights.safetensors")));
            Assert.That(Directory.Exists(folder.Of(place)), Is.False);
            Assert.That(notices, Has.One.Contains("again"));
            Assert.That(
                File.Exists(folder.Of("run.replaced/thesis.txt")),
                Is.EqualTo(place.StartsWith("run.replaced-", StringComparison.Ordinal))
            );
        }
    }

    [TestCase("run.replaced")]
    [TestCase("run.replaced-3")]
    public void A_replaced_run_goes_once_the_one_in_its_place_has_weights_and_what_is_not_its_own_is_named(string place)
    {
        CompleteRun("run");
        CompleteRun(place);
        folder.Write($"{place}/mine.txt", "mine");
        List<string> notices = [];
        Assert.That(
            () => new OutputFolder(folder.Of("run"), overwrite: false, notices.Add),
            Throws.InstanceOf<IOException>()
        );
        var left = folder.Of(place);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Directory.GetFiles(left), Is.EqualTo(new[] { Path.Combine(left, "mine.txt") }));
            Assert.That(notices, Has.One.Contains(left));
            Assert.That(File.Exists(folder.Of("run/model/weights.safetensors")));
        }
    }

    [Test]
    public void Of_several_replaced_runs_the_one_with_weights_comes_back_and_no_other_replaces_it()
    {
        EarlierRun("run.replaced-3");
        CompleteRun("run.replaced");
        folder.Write("run.replaced/mine.txt", "the complete one");
        Assert.That(() => new OutputFolder(folder.Of("run"), overwrite: false), Throws.InstanceOf<IOException>());
        Assert.That(File.ReadAllText(folder.Of("run/mine.txt")), Is.EqualTo("the complete one"));
        Assert.That(Directory.GetFileSystemEntries(folder.Of(".")), Has.Length.EqualTo(1));
    }

    [Test]
    public void Of_several_replaced_runs_without_weights_none_is_deleted()
    {
        EarlierRun("run.replaced");
        EarlierRun("run.replaced-2");
        List<string> notices = [];
        Assert.That(
            () => new OutputFolder(folder.Of("run"), overwrite: false, notices.Add),
            Throws.InstanceOf<IOException>()
        );
        Assert.That(Lines("run/metrics.jsonl") + Lines("run.replaced/metrics.jsonl"), Is.EqualTo(4));
        Assert.That(notices, Has.One.Contains("run.replaced"));
    }

    [TestCase("run.replacement")]
    [TestCase("run.replaced-by")]
    [TestCase("run.replaced.old")]
    public void A_run_of_another_name_is_left_alone(string name)
    {
        CompleteRun("run");
        CompleteRun(name);
        Assert.That(() => new OutputFolder(folder.Of("run"), overwrite: false), Throws.InstanceOf<IOException>());
        Assert.That(File.Exists(folder.Of($"{name}/model/weights.safetensors")));
    }

    [Test]
    public void Of_two_complete_runs_that_a_killed_exchange_left_neither_is_deleted()
    {
        CompleteRun("run");
        CompleteRun("run.unfinished");
        List<string> notices = [];
        Assert.That(
            () => new OutputFolder(folder.Of("run"), overwrite: false, notices.Add),
            Throws.InstanceOf<IOException>()
        );
        Assert.That(File.Exists(folder.Of("run/model/weights.safetensors")));
        Assert.That(File.Exists(folder.Of("run.kept/model/weights.safetensors")));
        Assert.That(notices, Has.One.Contains("run.kept"));
    }

    [Test]
    public void Weights_of_a_run_that_was_killed_before_it_recorded_a_step_are_never_deleted([Values] bool replaces)
    {
        if (replaces)
        {
            CompleteRun("run");
        }
        StoredWithoutStep(replaces ? "run.unfinished" : "run");
        List<string> notices = [];
        if (replaces)
        {
            using var output = new OutputFolder(folder.Of("run"), overwrite: true, notices.Add);
            Assert.That(File.Exists(folder.Of("run.kept/model/weights.safetensors")));
            Assert.That(notices, Has.One.Contains("run.kept"));
        }
        else
        {
            Assert.That(
                () => new OutputFolder(folder.Of("run"), overwrite: false),
                Throws.InstanceOf<IOException>().With.Message.Contains("--overwrite true")
            );
            Assert.That(File.Exists(folder.Of("run/model/weights.safetensors")));
        }
    }

    [Test]
    public void A_run_that_stored_weights_but_could_record_no_step_keeps_them([Values] bool replaces)
    {
        if (replaces)
        {
            CompleteRun("run");
        }
        string stored;
        using (var output = new OutputFolder(folder.Of("run"), overwrite: true))
        {
            StoreWeights(output);
            stored = Path.Combine(output.Model, "weights.safetensors");
        }
        Assert.That(File.Exists(stored));
        Assert.That(!replaces || File.Exists(folder.Of("run/metrics.jsonl")));
    }

    [Test]
    public void Half_of_the_weights_in_several_files_are_no_weights([Values] bool complete)
    {
        EarlierRun("run");
        var shard = "model/transformer/diffusion_pytorch_model-00001-of-00002.safetensors";
        folder.Write($"run/{shard}", "");
        File.AppendAllText(folder.Of("run/.flowbp-run"), shard + "\n");
        if (complete)
        {
            folder.Write("run/model/transformer/diffusion_pytorch_model.safetensors.index.json", "{}");
        }
        CompleteRun("run.replaced");
        Assert.That(() => new OutputFolder(folder.Of("run"), overwrite: false), Throws.InstanceOf<IOException>());
        Assert.That(File.Exists(folder.Of("run/model/weights.safetensors")), Is.EqualTo(!complete));
        Assert.That(File.Exists(folder.Of($"run/{shard}")), Is.EqualTo(complete));
    }

    [Test]
    public void A_file_is_listed_before_it_is_there_whoever_writes_it()
    {
        using var output = new OutputFolder(folder.Of("run"), overwrite: false);
        var one = Path.Combine(output.Model, "vae", "config.json");
        var outside = folder.Of("elsewhere.txt");
        List<string> listed = [];
        output.Store(() =>
        {
            AtomicFile.Write(
                one,
                stream =>
                {
                    stream.Write("{}"u8);
                    listed.AddRange(Manifest("run"));
                }
            );
            AtomicFile.WriteText(outside, "");
        });
        using (Assert.EnterMultipleScope())
        {
            Assert.That(listed, Has.None.Contains("vae/config.json"), "not before its content is complete");
            Assert.That(Manifest("run"), Has.One.EqualTo("model/vae/config.json"));
            Assert.That(Manifest("run"), Has.None.Contains("elsewhere"));
        }
        File.WriteAllText(Path.Combine(output.Model, "notes.txt"), "mine");
        AtomicFile.WriteText(Path.Combine(output.Model, "more.txt"), "mine too");
        Assert.That(Manifest("run"), Has.None.Contains("notes").And.None.Contains("more"));
    }

    [Test]
    public void A_process_that_is_killed_while_parts_are_copied_leaves_no_file_that_no_run_wrote()
    {
        var names = new[] { "vae/config.json", "scheduler/scheduler_config.json", "text_encoder/model.safetensors" };
        using (var output = new OutputFolder(folder.Of("killed"), overwrite: false))
        {
            output.WriteMetrics(Report(1));
            // Killed in the middle: nothing after the last of them is run.
            using var listed = output.Listed();
            foreach (var name in names)
            {
                AtomicFile.WriteText(Path.Combine(output.Model, name), "");
            }
        }
        List<string> notices = [];
        using var next = new OutputFolder(folder.Of("killed"), overwrite: true, notices.Add);
        next.WriteMetrics(Report(1));
        StoreWeights(next);
        Assert.That(notices, Is.Empty);
        Assert.That(Directory.GetFileSystemEntries(folder.Of(".")), Has.Length.EqualTo(1));
    }

    [Test]
    public void Evaluations_are_lines_of_their_own()
    {
        using var output = new OutputFolder(folder.Of("run"), overwrite: false);
        foreach (var step in new[] { 2, 4 })
        {
            output.WriteEvaluation(
                step,
                new()
                {
                    Prompts = ["a"],
                    Reward = [0.25 * step],
                    Shown = [],
                    Height = 1,
                    Width = 1,
                }
            );
        }
        using var reader = new StreamReader(
            new FileStream(folder.Of("run/evaluations.jsonl"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite)
        );
        Assert.That(reader.ReadToEnd(), Is.EqualTo("{\"step\":2,\"reward\":0.5}\n{\"step\":4,\"reward\":1}\n"));
        Assert.That(Manifest("run"), Has.One.EqualTo("evaluations.jsonl"));
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

    private static void StoreWeights(OutputFolder output) =>
        output.Store(() => AtomicFile.WriteText(Path.Combine(output.Model, "weights.safetensors"), ""));

    // The lines of a manifest that its run holds open.
    private string[] Manifest(string name)
    {
        // The lock is .NET's own: another program reads it all the same.
        using var process = System.Diagnostics.Process.Start(
            new System.Diagnostics.ProcessStartInfo("cat", [folder.Of($"{name}/.flowbp-run")])
            {
                RedirectStandardOutput = true,
            }
        )!;
        return process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private void CompleteRun(string name)
    {
        EarlierRun(name);
        folder.Write($"{name}/model/weights.safetensors", "");
        File.AppendAllText(folder.Of($"{name}/.flowbp-run"), "model/weights.safetensors\n");
    }

    private void StoredWithoutStep(string name)
    {
        CompleteRun(name);
        File.WriteAllText(folder.Of($"{name}/metrics.jsonl"), "");
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
