namespace FlowBP.Cli.Tests;

/// <summary>`plan` shows memory and work, ends with 1 where a run does not fit, and then says what makes it fit.</summary>
public class PlanTests
{
    [Test]
    public void A_run_that_fits_says_what_is_to_spare()
    {
        var run = CommandRun.Of("plan", "--workspace", "0", "--gpu_memory", "1");
        Assert.That((run.ExitCode, run.Error), Is.EqualTo((0, "")));
        Assert.That(run.OutputLines, Has.Some.StartsWith("fp32 masters"));
        Assert.That(run.OutputLines, Has.Some.StartsWith("rollout cache"));
        Assert.That(run.OutputLines, Has.Some.Match("^largest phase: reward gradient +140 MiB"));
        Assert.That(run.OutputLines, Has.Some.Match("^fits into 1024 MiB: [0-9]+ MiB to spare$"));
        Assert.That(run.OutputLines.Select(line => line.Length), Is.All.LessThanOrEqualTo(80));
    }

    [Test]
    public void A_run_that_does_not_fit_ends_with_1_and_says_what_makes_it_fit()
    {
        var run = CommandRun.Of("plan", "--model", "flux1", "--gpus", "8", "--gpu-memory", "80");
        Assert.That((run.ExitCode, run.Error), Is.EqualTo((1, "")));
        Assert.That(run.OutputLines, Has.Some.Match("^does not fit into 80.0 GiB: [0-9.]+ GiB too much$"));
        Assert.That(run.OutputLines, Has.Some.EqualTo("  --sharding full"));
        Assert.That(run.OutputLines, Has.Some.EqualTo("  --lora_rank 32"));
        Assert.That(run.OutputLines[^1], Does.StartWith("note: training does not shard yet"));
        Assert.That(run.OutputLines.Select(line => line.Length), Is.All.LessThanOrEqualTo(80));
    }

    [Test]
    public void The_settings_of_the_method_are_settings_of_the_plan()
    {
        var few = CommandRun.Of("plan", "--method", "flowbp-sparse", "--num_active_steps", "2");
        Assert.That(few.OutputLines, Has.Some.Contain("128 of 2 forwards and a backward"));
        Assert.That(
            CommandRun.Of("plan", "--method", "refl", "--num_active_steps", "2").AssertUsageError(),
            Does.Contain("belongs to other methods")
        );
    }

    [TestCase("lora_target_modules=to_q", "lora_target_modules")]
    [TestCase("lora_weights=outputs/align/lora", "lora_weights")]
    public void An_adapter_that_a_plan_cannot_count_is_refused_by_name(string given, string name) =>
        Assert.That(
            CommandRun
                .Of("plan", "--preset", "released/sd35/refl", "--set", given, "--set", "lora_rank=4")
                .AssertUsageError(),
            Does.StartWith($"flowbp: {name}: ")
        );

    [Test]
    public void A_preset_is_planned_as_it_would_run_and_flags_win()
    {
        var run = CommandRun.Of("plan", "--preset", "released/sd35/flowbp-sparse", "--gpus", "8", "--sharding", "full");
        Assert.That(run.OutputLines[0], Is.EqualTo("Stable Diffusion 3.5 medium, flowbp-sparse"), run.Error);
        Assert.That(run.OutputLines[1], Does.StartWith("512 × 512 pixels, 25 rollout steps, batch 64 on 8 GPUs"));
        Assert.That(run.OutputLines, Has.Some.Contain("256 of 2 forwards and a backward"));
        var more = CommandRun.Of(
            "plan",
            "--preset",
            "released/sd35/flowbp-sparse",
            "--gpus",
            "8",
            "--num_active_steps",
            "2",
            "--batch",
            "32"
        );
        Assert.That(more.OutputLines, Has.Some.Contain("64 of 2 forwards and a backward"));
    }

    [TestCase("sd35", "sd3_5_flowbp_bridge.yaml", "Stable Diffusion 3.5 medium, flowbp-bridge", 8)]
    [TestCase("flux2", "flux2_klein_base_9b_leapalign.yaml", "FLUX.2-Klein-base 9B, leapalign", 4)]
    [TestCase("flux1", "flux1_refl.yaml", "FLUX.1-dev, refl", 4)]
    public void A_released_configuration_is_planned_before_anything_is_downloaded(
        string folder,
        string file,
        string title,
        int batchOfProcess
    )
    {
        var config = SharedFolder.Require("data", "released_configs", folder, file);
        var run = CommandRun.Of("plan", "--config", config, "--gpus", "8", "--gpu_memory", "1000");
        Assert.That((run.ExitCode, run.Error), Is.EqualTo((0, "")));
        Assert.That(run.OutputLines[0], Is.EqualTo(title));
        Assert.That(
            run.OutputLines[1],
            Is.EqualTo(
                $"512 × 512 pixels, 25 rollout steps, batch {8 * batchOfProcess} on 8 GPUs"
                    + $" ({batchOfProcess} at a time on each)"
            )
        );
    }

    [Test]
    public void Every_released_configuration_can_be_planned()
    {
        var folder = SharedFolder.Require("data", "released_configs");
        var files = Directory.GetFiles(folder, "*.yaml", SearchOption.AllDirectories);
        Assert.That(files, Has.Length.GreaterThanOrEqualTo(21));
        foreach (var file in files)
        {
            var run = CommandRun.Of("plan", "--config", file, "--gpu_memory", "100000");
            Assert.That((run.ExitCode, run.Error), Is.EqualTo((0, "")), file);
        }
    }

    [Test]
    public void A_key_of_a_configuration_that_does_not_exist_is_wrong_usage() =>
        Assert.That(CommandRun.Of("plan", "--set", "lerning_rate=1").AssertUsageError(), Does.Contain("learning_rate"));

    [TestCase("--gradient_checkpointing", "0")]
    [TestCase("--gradient_checkpointing", "some")]
    [TestCase("--sharding", "half")]
    [TestCase("--gpu_memory", "-1")]
    [TestCase("--resolution", "33")]
    [TestCase("--compute_dtype", "fp8")]
    [TestCase("--reuse_rollout_blocks", "auto-ish")]
    public void A_value_that_is_not_accepted_says_what_is(string option, string value) =>
        Assert.That(
            CommandRun.Of("plan", option, value, "--model", "sd35").AssertUsageError(),
            Does.StartWith($"flowbp: {option[2..]} must be ").And.Contain($"got {Quoted(option, value)}")
        );

    [Test]
    public void A_folder_that_is_no_model_is_a_failure() =>
        Assert.That(
            CommandRun.Of("plan", "--model", "/no/such/folder").AssertFailure(),
            Does.Contain("model_index.json: no such file")
        );

    [Test]
    public void Indices_that_the_rollout_does_not_have_are_wrong_usage() =>
        Assert.That(
            CommandRun.Of("plan", "--method", "leapalign", "--min_idx", "30").AssertUsageError(),
            Does.StartWith("flowbp: ")
        );

    private static string Quoted(string option, string value) => option == "--resolution" ? value : $"'{value}'";
}
