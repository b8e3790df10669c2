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
            Does.StartWith($"flowbp: {option[2..]} must be ").And.EndsWith($"got {Quoted(option, value)}")
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
