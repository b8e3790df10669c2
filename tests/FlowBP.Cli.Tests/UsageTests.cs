namespace FlowBP.Cli.Tests;

/// <summary>Typing mistakes: exit code 2 and one line, with the name that was probably meant.</summary>
public class UsageTests
{
    [TestCase("algin", "unknown command 'algin' (did you mean align?)")]
    [TestCase("dmeo", "unknown command 'dmeo' (did you mean demo?)")]
    [TestCase("--hepl", "unknown option '--hepl' (did you mean --help?)")]
    public void An_unknown_command_is_answered_with_the_nearest(string typed, string message) =>
        Assert.That(CommandRun.Of(typed).AssertUsageError(), Is.EqualTo($"flowbp: {message}"));

    [Test]
    public void A_command_unlike_any_other_is_answered_with_the_list() =>
        Assert.That(CommandRun.Of("xyzzy").AssertUsageError(), Does.Contain("known: demo, pretrain, align"));

    [TestCase("test")]
    [TestCase("build")]
    [TestCase("setup")]
    public void Commands_of_the_launcher_are_named_as_such(string name) =>
        Assert.That(CommandRun.Of(name).AssertUsageError(), Does.Contain($"run ./flowbp {name}"));

    [TestCase("--lerning_rate", "--learning_rate")]
    [TestCase("--learning-rate", "--learning_rate")]
    [TestCase("--max_train_step", "--max_train_steps")]
    [TestCase("--lerning_rate=3", "--learning_rate")]
    public void An_unknown_option_is_answered_with_the_nearest(string typed, string meant) =>
        Assert.That(CommandRun.Of("align", typed, "1").AssertUsageError(), Does.EndWith($"(did you mean {meant}?)"));

    [Test]
    public void An_option_unlike_any_other_points_to_the_help() =>
        Assert.That(
            CommandRun.Of("align", "--frobnicate", "1").AssertUsageError(),
            Is.EqualTo("flowbp: unknown option '--frobnicate' of align (flowbp align --help lists them)")
        );

    [Test]
    public void An_option_of_another_method_says_whose_it_is() =>
        Assert.That(
            CommandRun.Of("align", "--method", "refl", "--tau", "0.1").AssertUsageError(),
            Is.EqualTo("flowbp: option --tau belongs to other methods: leapalign, flowbp-lagrange")
        );

    [TestCase("align")]
    [TestCase("demo")]
    public void An_unknown_method_is_answered_with_the_nearest(string command)
    {
        var line = CommandRun.Of(command, "--method", "flowbp-lagrang").AssertUsageError();
        Assert.That(line, Is.EqualTo("flowbp: unknown method 'flowbp-lagrang' (did you mean flowbp-lagrange?)"));
    }

    [TestCase("--learning_rate", "fast")]
    [TestCase("--learning_rate", "NaN")]
    [TestCase("--max_train_steps", "0")]
    [TestCase("--max_train_steps", "1.5")]
    [TestCase("--seed", "-1")]
    [TestCase("--num_active_steps", "0")]
    [TestCase("--cfg_detach_neg", "maybe")]
    [TestCase("--index_draw", "per_prompt")]
    [TestCase("--adam_beta1", "2")]
    public void A_value_that_is_not_accepted_says_what_is(string option, string value) =>
        Assert.That(
            CommandRun.Of("align", "--method", "flowbp-sparse", option, value).AssertUsageError(),
            Does.StartWith($"flowbp: {option[2..]} must be ").And.EndsWith($"got '{value}'")
        );

    [Test]
    public void An_option_without_its_value_says_what_it_needs() =>
        Assert.That(
            CommandRun.Of("align", "--seed").AssertUsageError(),
            Is.EqualTo("flowbp: option --seed needs a value: an integer from 0 to 2^63 - 1")
        );

    [Test]
    public void An_option_followed_by_another_option_has_no_value() =>
        Assert.That(
            CommandRun.Of("align", "--seed", "--max_train_steps", "2").AssertUsageError(),
            Does.Contain("--seed needs")
        );

    [Test]
    public void An_option_is_given_once() =>
        Assert.That(
            CommandRun.Of("align", "--seed", "1", "--seed", "2").AssertUsageError(),
            Is.EqualTo("flowbp: option --seed is given 2 times")
        );

    [Test]
    public void A_word_that_belongs_to_nothing_is_named() =>
        Assert.That(CommandRun.Of("align", "--seed", "1", "2").AssertUsageError(), Does.Contain("found '2'"));

    [Test]
    public void Verify_needs_a_folder() =>
        Assert.That(CommandRun.Of("verify").AssertUsageError(), Does.StartWith("flowbp: verify needs DIR"));

    [Test]
    public void An_unknown_pretraining_stage_is_answered_with_the_nearest() =>
        Assert.That(
            CommandRun.Of("pretrain", "--stage", "autoencodr").AssertUsageError(),
            Is.EqualTo("flowbp: unknown stage 'autoencodr' (did you mean autoencoder?)")
        );

    [Test]
    public void No_command_at_all_shows_the_help_on_stderr()
    {
        var run = CommandRun.Of();
        Assert.That((run.ExitCode, run.Output), Is.EqualTo((2, "")));
        Assert.That(run.Error, Does.Contain("usage: flowbp COMMAND"));
    }
}
