// The commands one after another, on a model that was trained for a single step: nothing in it is good, everything in it is
// complete.

using System.Text.Json;

namespace FlowBP.Cli.Tests;

/// <summary>pretrain, demo, sample and evaluate work on each other's folders.</summary>
public class WholeWayTests
{
    private TemporaryFolder folder = null!;

    [OneTimeSetUp]
    public void PretrainForOneStep()
    {
        folder = new();
        var run = CommandRun.Of("pretrain", "--max_train_steps", "1", "--output_dir", At("shapes"));
        Assert.That(run.ExitCode, Is.Zero, run.Error);
    }

    [OneTimeTearDown]
    public void DeleteFolder() => folder.Dispose();

    private string At(params string[] path) => Path.Combine([folder.Path, .. path]);

    private string[] Judges =>
        [
            "--reward",
            At("shapes", "reward"),
            "--heldout_reward",
            At("shapes", "heldout_reward"),
            "--eval_prompts",
            At("shapes", "prompts", "test.txt"),
            "--eval_prompts_limit",
            "6",
            "--sampling_steps",
            "2",
        ];

    private string[] Aligning(string output, params string[] options) =>
        [
            "--model",
            At("shapes", "model"),
            .. Judges,
            "--prompts",
            At("shapes", "prompts", "train.txt"),
            "--rollout_steps",
            "3",
            "--train_batch_size",
            "2",
            "--output_dir",
            At(output),
            .. options,
        ];

    [Test]
    public void A_demo_leaves_everything_that_it_names_and_its_model_can_be_sampled_and_evaluated()
    {
        var demo = CommandRun.Of([
            "demo",
            .. Aligning("demo", "--method", "flowbp-sparse", "--max_train_steps", "2", "--num_active_steps", "2"),
        ]);
        Assert.That(demo.ExitCode, Is.Zero, demo.Error);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(demo.Output, Does.Contain("flowbp-sparse, 2 steps, 6 evaluation prompts"));
            Assert.That(demo.OutputLines, Has.Some.StartsWith("training reward "));
            Assert.That(demo.Error, Does.Contain("1/2  ETA"));
            Assert.That(demo.OutputLines.Where(line => line.Contains(folder.Path)).Select(PathIn), Is.All.Exist);
            Assert.That(File.ReadAllLines(At("demo", "metrics.jsonl")), Has.Length.EqualTo(2));
        }
        using var summary = JsonDocument.Parse(File.ReadAllText(At("demo", "summary.json")));
        Assert.That(
            summary.RootElement.GetProperty("metrics").GetProperty("reward").GetProperty("gain_ci95").GetArrayLength(),
            Is.EqualTo(2)
        );

        var sample = CommandRun.Of(
            "sample",
            "--model",
            At("demo", "model"),
            "--prompt",
            "a photo of a red circle",
            "--sampling_steps",
            "2",
            "--output_dir",
            At("samples")
        );
        Assert.That(sample.ExitCode, Is.Zero, sample.Error);
        Assert.That(At("samples", "grid.png"), Does.Exist);

        string[] models = ["--model", At("demo", "model"), "--baseline", At("shapes", "model")];
        var evaluation = CommandRun.Of(["evaluate", .. models, .. Judges, "--output_dir", At("evaluation")]);
        Assert.That(evaluation.ExitCode, Is.Zero, evaluation.Error);
        Assert.That(evaluation.Output, Does.Contain("6 evaluation prompts").And.Contain("held-out reward"));
    }

    [Test]
    public void A_runs_own_configuration_repeats_it_and_intervals_are_kept()
    {
        string[] intervals = ["--evaluation_interval", "2", "--checkpointing_steps", "1", "--use_ema", "false"];
        var first = CommandRun.Of([
            "align",
            .. Aligning("first", "--method", "refl", "--refl_last_n_steps", "2", "--max_train_steps", "3"),
            .. intervals,
        ]);
        Assert.That(first.ExitCode, Is.Zero, first.Error);
        Assert.That(
            Directory.GetDirectories(At("first", "checkpoints")).Select(Path.GetFileName),
            Is.EquivalentTo(new[] { "checkpoint-1", "checkpoint-2" }),
            "the last is model/"
        );
        Assert.That(At("first", "checkpoints", "checkpoint-1", "model_index.json"), Does.Exist);
        using var evaluation = JsonDocument.Parse(File.ReadAllLines(At("first", "evaluations.jsonl")).Single());
        Assert.That(evaluation.RootElement.GetProperty("step").GetInt32(), Is.EqualTo(2));
        Assert.That(evaluation.RootElement.GetProperty("reward").GetDouble(), Is.Not.NaN);

        var second = CommandRun.Of("align", "--config", At("first", "config.yaml"), "--output_dir", At("second"));
        Assert.That(second.ExitCode, Is.Zero, second.Error);
        Assert.That(Metrics("second"), Is.EqualTo(Metrics("first")));

        string[] Metrics(string run) =>
            [
                .. File.ReadLines(At(run, "metrics.jsonl"))
                    .Select(line => JsonDocument.Parse(line).RootElement)
                    .Select(step => $"{step.GetProperty("loss")} {step.GetProperty("grad_norm")}"),
            ];
    }

    [Test]
    public void An_existing_output_folder_is_not_overwritten_silently()
    {
        folder.Write("taken/notes.txt", "precious");
        var line = CommandRun.Of(["align", .. Aligning("taken")]).AssertFailure();
        Assert.That(line, Does.Contain("taken exists").And.Contain("--output_dir"));
        Assert.That(File.ReadAllText(At("taken", "notes.txt")), Is.EqualTo("precious"));
    }

    [Test]
    public void A_damaged_model_is_named_and_no_output_folder_is_left()
    {
        CopyModel("damaged");
        var weights = At("damaged", "transformer", "diffusion_pytorch_model.safetensors");
        File.WriteAllBytes(weights, File.ReadAllBytes(weights)[..1000]);
        string[] options = ["--model", At("damaged"), .. Aligning("never")[2..]];
        var line = CommandRun.Of(["align", .. options]).AssertFailure();
        Assert.That(line, Does.Contain(weights));
        Assert.That(At("never"), Does.Not.Exist);
    }

    [Test]
    public void A_configuration_that_does_not_fit_the_weights_names_the_tensor_and_both_shapes()
    {
        CopyModel("unfit");
        var config = At("unfit", "transformer", "config.json");
        var text = File.ReadAllText(config);
        Assert.That(text, Does.Contain("\"joint_attention_dim\": 96"));
        File.WriteAllText(config, text.Replace("\"joint_attention_dim\": 96", "\"joint_attention_dim\": 80"));
        string[] options = ["--model", At("unfit"), .. Aligning("never")[2..]];
        var line = CommandRun.Of(["align", .. options]).AssertFailure();
        Assert.That(line, Does.Contain("context_embedder.weight").And.Contain("[128, 96]").And.Contain("[128, 80]"));
    }

    [Test]
    public void A_learning_rate_that_destroys_the_model_stops_the_run_in_one_line()
    {
        var options = Aligning(
            "nan",
            "--learning_rate",
            "1e6",
            "--weight_decay",
            "1e6",
            "--lr_warmup_steps",
            "0",
            "--max_train_steps",
            "4"
        );
        var line = CommandRun.Of(["align", .. options]).AssertFailure();
        Assert.That(line, Does.Contain("not finite").And.Contain("learning rate").And.Contain("training step 2"));
        Assert.That(At("nan", "summary.json"), Does.Not.Exist);
    }

    [Test]
    public void Pretraining_keeps_what_is_already_there()
    {
        var run = CommandRun.Of("pretrain", "--max_train_steps", "1", "--output_dir", At("shapes"));
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        Assert.That(
            run.Output,
            Does.StartWith(
                "already there and kept: prompts, autoencoder, flow, render_reward, render_heldout, pictures, reward, heldout,"
                    + " control, judges"
            )
        );
    }

    private static string PathIn(string line) => line[line.IndexOf('/')..].Trim();

    private void CopyModel(string name)
    {
        foreach (var file in Directory.EnumerateFiles(At("shapes", "model"), "*", SearchOption.AllDirectories))
        {
            var copy = At(name, Path.GetRelativePath(At("shapes", "model"), file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }
}
