using System.Xml.Linq;

namespace FlowBP.Cli.Tests;

/// <summary>A study of one step on the embedded model, from the command line to its plots.</summary>
public class StudyTests
{
    private static readonly byte[] s_png = [0x89, (byte)'P', (byte)'N', (byte)'G'];

    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void A_study_prints_its_tables_and_leaves_files_and_plots()
    {
        var file = Write();
        var run = Study(file, "--output_dir", folder.Of("out"));
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        var gain = File.ReadAllText(folder.Of("out", "plots", "gain-rule_accuracy.svg"));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.OutputLines.Select(line => line.Length), Is.All.LessThanOrEqualTo(80));
            Assert.That(
                run.Output,
                Does.Contain("rule accuracy: gain over the base model (").And.Contain("training seeds 1;")
            );
            Assert.That(run.OutputLines[^1].TrimEnd(), Is.EqualTo($"written to {folder.Of("out")}"));
            Assert.That(run.Error, Does.Contain("2/2 sparse-seed-1: ").And.Contain("ETA"));
            Assert.That(XDocument.Parse(gain).Root!.Name.LocalName, Is.EqualTo("svg"));
            Assert.That(gain, Does.Contain("sparse"), "names of arms are text");
            foreach (
                var name in new[] { "gain-reward", "gain-heldout_reward", "setting-rule_accuracy", "training-reward" }
            )
            {
                Assert.That(File.ReadAllBytes(folder.Of("out", "plots", $"{name}.png"))[..4], Is.EqualTo(s_png), name);
            }
            Assert.That(File.Exists(folder.Of("out", "results.md")));
        }
        var again = Study(file, "--output_dir", folder.Of("out"));
        Assert.That(again.Error, Does.Contain("2 cells, of which 2 are there already"));
        Assert.That(
            Study(file, "--output_dir", folder.Of("out"), "--set", "alpha_of=3").AssertUsageError(),
            Does.Contain("unknown setting 'alpha_of'")
        );
        Assert.That(
            Study(file, "--output_dir", folder.Of("out"), "--set", "learning_rate=0.5").AssertFailure(),
            Does.Contain("can't be gone on with: arm sparse: learning_rate was 0.01 and is 0.5")
        );
    }

    [Test]
    public void What_can_not_be_studied_is_wrong_usage()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                CommandRun.Of("study").AssertUsageError(),
                Does.StartWith("flowbp: study needs NAME: methods,")
            );
            Assert.That(
                CommandRun.Of("study", "method").AssertUsageError(),
                Does.Contain("unknown study 'method' (did you mean methods?)")
            );
            Assert.That(
                CommandRun.Of("study", "methods", "nested").AssertUsageError(),
                Does.Contain("study takes one name, found: methods nested")
            );
            Assert.That(
                CommandRun.Of("study", "methods", "--arms", "flowbp-spars").AssertUsageError(),
                Does.Contain("did you mean flowbp-sparse?")
            );
            Assert.That(
                CommandRun.Of("study", "methods", "--seeds", "one").AssertUsageError(),
                Does.Contain("seeds: found 'one'")
            );
            Assert.That(CommandRun.Of("study", folder.Of("no.yaml")).AssertFailure(), Does.Contain("no.yaml"));
        }
    }

    private static CommandRun Study(string file, params string[] more) =>
        CommandRun.Of(["study", file, "--device", "cpu", "--parallel_cells", "1", .. more]);

    private string Write()
    {
        var prompts = folder.Write("prompts.txt", "a photo of a red circle\na photo of a red square\n");
        var test = folder.Write("test.txt", "a photo of a blue circle\na photo of a green circle\n");
        return folder.Write(
            "tiny.yaml",
            $$"""
            question: Does it run from end to end?
            seeds: [1]
            evaluation_seeds: [5, 6]
            settings:
              prompts: {{prompts}}
              eval_prompts: {{test}}
              eval_images_per_prompt: 1
              rollout_steps: 3
              sampling_steps: 2
              train_batch_size: 2
              max_train_steps: 1
              learning_rate: 1e-2
              lr_warmup_steps: 0
              hinge_lambda: 1000
            arms:
              sparse: {method: flowbp-sparse, num_active_steps: 2, line: K, at: 2}
            """
        );
    }
}
