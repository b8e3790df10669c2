using System.Text.Json;
using FlowBP.Formats;
using FlowBP.Training.Configuration;
using FlowBP.Training.Devices;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Tests;

/// <summary>What a run writes into its folder.</summary>
public class OutputFolderTests : RunFolderTests
{
    [Test]
    public void An_existing_folder_is_refused_and_left_alone()
    {
        var file = Folder.Write("run/config.yaml", "method: refl");
        Assert.That(
            () => new OutputFolder(Folder.Of("run"), overwrite: false),
            Throws.InstanceOf<IOException>().With.Message.Contains("--overwrite true")
        );
        Assert.That(File.ReadAllText(file), Is.EqualTo("method: refl"));
    }

    [Test]
    public void Two_runs_do_not_write_to_one_folder()
    {
        using var first = new OutputFolder(Folder.Of("run"), overwrite: false);
        first.Records.WriteMetrics(Report(1));
        Assert.That(
            () => new OutputFolder(Folder.Of("run"), overwrite: true),
            Throws.InstanceOf<IOException>().With.Message.Contains("in use by another run")
        );
        Assert.That(Lines("run/metrics.jsonl"), Is.EqualTo(1));
    }

    [Test]
    public void A_file_is_listed_before_it_is_there_whoever_writes_it()
    {
        using var output = new OutputFolder(Folder.Of("run"), overwrite: false);
        var one = Path.Combine(output.Model, "vae", "config.json");
        var outside = Folder.Of("elsewhere.txt");
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
    public void Evaluations_are_lines_of_their_own()
    {
        using var output = new OutputFolder(Folder.Of("run"), overwrite: false);
        foreach (var step in new[] { 2, 4 })
        {
            output.Records.WriteEvaluation(
                step,
                new()
                {
                    Prompts = ["a"],
                    Judgements = [new(RewardJudge.Training, IsShare: false, [0.25 * step], [])],
                    Shown = [],
                    Height = 1,
                    Width = 1,
                }
            );
        }
        using var reader = new StreamReader(
            new FileStream(Folder.Of("run/evaluations.jsonl"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite)
        );
        Assert.That(reader.ReadToEnd(), Is.EqualTo("{\"step\":2,\"reward\":0.5}\n{\"step\":4,\"reward\":1}\n"));
        Assert.That(Manifest("run"), Has.One.EqualTo("evaluations.jsonl"));
    }

    [Test]
    public void A_manifest_leads_nowhere_outside_of_its_folder()
    {
        var outside = Folder.Write("precious.txt", "mine");
        EarlierRun("run");
        File.AppendAllText(Folder.Of("run/.flowbp-run"), $"../precious.txt\n{outside}\n");
        using var output = new OutputFolder(Folder.Of("run"), overwrite: true);
        output.Records.WriteMetrics(Report(1));
        StoreWeights(output);
        Assert.That(File.ReadAllText(outside), Is.EqualTo("mine"));
    }

    [Test]
    public void Space_that_is_set_aside_has_no_name_and_more_than_there_is_is_refused()
    {
        using var output = new OutputFolder(Folder.Of("run"), overwrite: false);
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
            () => new OutputFolder(Folder.Write("run", ""), overwrite: true),
            Throws.InstanceOf<IOException>().With.Message.Contains("is a file")
        );

    [Test]
    public void An_empty_folder_is_as_good_as_none()
    {
        Directory.CreateDirectory(Folder.Of("run"));
        using var output = new OutputFolder(Folder.Of("run"), overwrite: false);
        Assert.That(Directory.Exists(output.Samples), Is.True);
    }

    [Test]
    public void A_run_that_never_began_leaves_nothing()
    {
        new OutputFolder(Folder.Of("run"), overwrite: false).Dispose();
        Assert.That(Directory.Exists(Folder.Of("run")), Is.False);
    }

    [Test]
    public void The_written_configuration_resolves_to_the_same_run()
    {
        var config = AlignmentConfig.Resolve([
            new("method", "flowbp-lagrange"),
            new("learning_rate", "3e-6"),
            new("output_dir", Folder.Of("run")),
        ]);
        using var output = new OutputFolder(Folder.Of("run"), overwrite: false);
        output.Records.WriteConfig(config);
        var read = new YamlDotNet.Serialization.Deserializer().Deserialize<Dictionary<string, string>>(
            File.ReadAllText(Folder.Of("run/config.yaml"))
        );
        Assert.That(AlignmentConfig.Resolve(read).Resolved(), Is.EqualTo(config.Resolved()));
    }

    [Test]
    public void A_step_is_a_line_of_json_as_soon_as_it_is_written()
    {
        using var output = new OutputFolder(Folder.Of("run"), overwrite: false);
        output.Records.WriteMetrics(Report(1));
        output.Records.WriteMetrics(Report(2));
        using var stream = new FileStream(
            Folder.Of("run/metrics.jsonl"),
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
        using var output = new OutputFolder(Folder.Of("run"), overwrite: false);
        output.Records.WriteMetrics(Report(1));
        output.Records.WriteSummary(
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
        using var summary = JsonDocument.Parse(File.ReadAllText(Folder.Of("run/summary.json")));
        var gain = summary.RootElement.GetProperty("metrics").GetProperty("rule_accuracy/color_attr");
        Assert.That(gain.GetProperty("gain").GetDouble(), Is.EqualTo(0.2));
        Assert.That(gain.GetProperty("gain_ci95")[1].GetDouble(), Is.EqualTo(0.4));
        Assert.That(gain.GetProperty("prompts").GetInt32(), Is.EqualTo(12));
        Assert.That(summary.RootElement.GetProperty("peak_memory_bytes").GetInt64(), Is.EqualTo(3));
    }
}
