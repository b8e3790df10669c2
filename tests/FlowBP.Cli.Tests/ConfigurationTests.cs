namespace FlowBP.Cli.Tests;

/// <summary>Configuration files, presets and single values on the command line; a dry run says what they come to.</summary>
public class ConfigurationTests
{
    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    private static string Released =>
        SharedFolder.Require("data", "released_configs", "sd35", "sd3_5_flowbp_sparse.yaml");

    [Test]
    public void A_dry_run_says_everything_and_writes_nothing()
    {
        var run = CommandRun.Of("align", "--config", Released, "--dry-run");
        Assert.That((run.ExitCode, run.Error), Is.EqualTo((0, "")));
        string[] expected =
        [
            "method    flowbp-sparse: Euler replay",
            "backbone  Stable Diffusion 3.5",
            "  learning_rate                1E-05 ",
            "sd3_5_flowbp_sparse.yaml, line 29",
            "  data.dataloader_num_workers         4 ",
            "static shift 3 (Stable Diffusion 3.5)",
            "  reward input     the end of the rollout, x_N",
            "  active steps     4 of 25: ",
            "  bridge           none: the steps are decoupled",
            "  coverage ",
            "not found on this machine:",
        ];
        using (Assert.EnterMultipleScope())
        {
            foreach (var text in expected)
            {
                Assert.That(run.Output, Does.Contain(text));
            }
        }
        Assert.That(Directory.Exists("outputs/final"), Is.False);
    }

    [TestCase("refl", "the posterior mean at step")]
    [TestCase("draft-lv", "and 2 re-noised copies of it")]
    [TestCase("leapalign", "similarity of the leaps, floor 0.1")]
    [TestCase("flowbp-bridge", "strength 0.5")]
    [TestCase("full", "nested depth     10")]
    public void A_dry_run_has_the_axes_of_every_method(string method, string text)
    {
        var run = CommandRun.Of("align", "--method", method, "--dry-run");
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        Assert.That(run.Output, Does.Contain(text));
    }

    [Test]
    public void Later_sources_win_and_flags_are_those_of_the_configured_method()
    {
        var run = CommandRun.Of([
            "align",
            .. new[] { "--preset", "released/sd35/refl", "--config", Released },
            .. new[] { "--set", "sampling.rollout_steps=20", "--set", "late_bias=3", "--num_active_steps", "2" },
            "--dry-run",
        ]);
        Assert.That(run.ExitCode, Is.EqualTo(2), "the preset's own refl setting belongs to another method");
        Assert.That(run.Error, Does.Contain("refl_last_n_steps belongs to other methods").Or.Contain("refl"));

        run = CommandRun.Of([
            "align",
            .. new[] { "--preset", "released/flux1/flowbp-sparse", "--config", Released },
            .. new[] { "--set", "sampling.rollout_steps=20", "--set", "late_bias=3", "--num_active_steps", "2" },
            "--dry-run",
        ]);
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        Assert.That(run.OutputLines, Has.Some.Match("^  rollout_steps +20 +--set sampling.rollout_steps$"));
        Assert.That(run.OutputLines, Has.Some.Match("^  late_bias +3 +--set late_bias$"));
        Assert.That(run.OutputLines, Has.Some.Match("^  num_active_steps +2 +--num_active_steps$"));
        Assert.That(run.OutputLines, Has.Some.Match("^  index_draw +per_batch +released default$"));
    }

    [TestCase(
        "optimizer:\n  lerning_rate: 1\n",
        "line 2: unknown key 'lerning_rate' in optimizer (did you mean learning_rate?)"
    )]
    [TestCase(
        "optimizer:\n  learning_rate: fast\n",
        "line 2: optimizer.learning_rate must be a number from 0 to 1000000, got 'fast'"
    )]
    [TestCase(
        "lerning_rate: 1\n",
        "line 1: unknown setting 'lerning_rate' of method flowbp-lagrange (did you mean learning_rate?)"
    )]
    [TestCase("a: &a [1]\n", "line 1: anchors")]
    [TestCase("a: [1,\nb: 2", "this is not YAML")]
    [TestCase("method: refl\nrollout_steps: 4\nrefl_last_n_steps: 5\n", "refl_last_n_steps")]
    public void What_is_wrong_with_a_file_is_one_line(string text, string message)
    {
        var file = folder.Write("run.yaml", text);
        Assert.That(CommandRun.Of("align", "--config", file).AssertUsageError(), Does.Contain(message));
        Assert.That(CommandRun.Of("align", "--config", file, "--dry-run").AssertUsageError(), Does.Contain(message));
    }

    [TestCase("optimizer.lerning_rate=1", "unknown key 'lerning_rate' in optimizer (did you mean learning_rate?)")]
    [TestCase("lerning_rate=1", "(did you mean learning_rate?)")]
    [TestCase("learning_rate", "expected section.key=value or key=value")]
    public void What_is_wrong_with_a_single_value_is_one_line(string given, string message) =>
        Assert.That(
            CommandRun.Of("align", "--set", given, "--dry-run").AssertUsageError(),
            Does.StartWith("flowbp: --set ").And.Contain(message)
        );

    [Test]
    public void A_single_value_without_its_text_says_what_it_needs()
    {
        Assert.That(CommandRun.Of("align", "--set").AssertUsageError(), Does.Contain("option --set needs a value"));
        Assert.That(
            CommandRun.Of("align", "--set", "seed=1", "--set", "--dry-run").AssertUsageError(),
            Does.Contain("option --set needs a value")
        );
    }

    [Test]
    public void A_missing_file_is_named() =>
        Assert.That(
            CommandRun.Of("align", "--config", "/no/run.yaml").AssertFailure(),
            Is.EqualTo("flowbp: no configuration file /no/run.yaml")
        );

    [Test]
    public void A_misspelt_preset_is_answered_with_the_nearest() =>
        Assert.That(
            CommandRun.Of("align", "--preset", "released/sd35/flowbp-spare").AssertUsageError(),
            Does.Contain("(did you mean released/sd35/flowbp-sparse?)")
        );

    [Test]
    public void The_presets_are_listed()
    {
        var run = CommandRun.Of("align", "--list-presets");
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        Assert.That(run.OutputLines, Has.Exactly(42).Match("^(paper|released)/(sd35|flux1|flux2)/"));
    }

    [Test]
    public void Pictures_that_are_not_square_and_an_adapter_to_go_on_with_are_settings_like_others()
    {
        string[] asked = ["--height", "512", "--width", "768", "--lora_weights", "/no/lora"];
        var run = CommandRun.Of(["align", "--model", "/no/model", .. asked, "--dry-run"]);
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        Assert.That(run.Output, Does.Not.Contain("not supported"));
        Assert.That(run.OutputLines, Has.Some.Match("^  width +768 +--width$"));
        Assert.That(run.OutputLines, Has.Exactly(2).Match("^  lora_weights +/no/lora"), "once as not found");
    }

    [TestCase("sample")]
    [TestCase("evaluate")]
    [TestCase("align")]
    public void Half_a_size_is_wrong_usage(string command) =>
        Assert.That(
            CommandRun.Of(command, "--height", "512", "--model", "/no/model").Error,
            Does.EndWith("flowbp: height and width are given together or not at all\n")
        );
}
