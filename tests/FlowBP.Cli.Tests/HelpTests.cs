using FlowBP.Cli.Commands;
using FlowBP.Surrogates;

namespace FlowBP.Cli.Tests;

/// <summary>The help is made of the settings, so nothing can be missing from it.</summary>
public class HelpTests
{
    private static IEnumerable<string> Commands => CommandList.All.Select(command => command.Name);

    private static IEnumerable<string> Methods => MethodRegistry.All.Select(method => method.Name);

    [TestCase("--help")]
    [TestCase("-h")]
    [TestCase("help")]
    public void The_overview_lists_every_command_and_method(string typed)
    {
        var run = CommandRun.Of(typed);
        Assert.That((run.ExitCode, run.Error), Is.EqualTo((0, "")));
        foreach (var name in Commands.Concat(Methods).Concat(["test", "build", "setup"]))
        {
            Assert.That(run.OutputLines, Has.Some.StartsWith($"  {name} "));
        }
    }

    [TestCaseSource(nameof(Commands))]
    public void A_commands_help_lists_every_option_with_its_default(string name)
    {
        var run = CommandRun.Of(name, "--help");
        Assert.That((run.ExitCode, run.Error), Is.EqualTo((0, "")));
        var command = CommandList.All.Single(command => command.Name == name);
        foreach (var setting in command.Options(null).SelectMany(group => group.Settings))
        {
            Assert.That(run.OutputLines, Has.Some.Match($"^  --{setting.Name}(  \\[|$)"));
            Assert.That(run.Output, Does.Contain($"default {setting.DefaultText}]"));
        }
    }

    [TestCaseSource(nameof(Methods))]
    public void The_help_of_a_method_lists_its_own_settings(string name)
    {
        var run = CommandRun.Of("align", "--method", name, "--help");
        Assert.That(run.ExitCode, Is.Zero);
        foreach (var setting in MethodRegistry.Get(name).Settings)
        {
            Assert.That(run.OutputLines, Has.Some.Match($"^  --{setting.Name}(  \\[|$)"));
        }
    }

    [Test]
    public void The_help_of_a_method_leaves_out_those_of_others() =>
        Assert.That(
            CommandRun.Of("align", "--method", "refl", "--help").Output,
            Does.Not.Contain("--num_active_steps")
        );

    [TestCaseSource(nameof(Commands))]
    public void Help_fits_80_columns(string name) =>
        Assert.That(
            CommandRun
                .Of(name, "--help")
                .OutputLines.Concat(CommandRun.Of("--help").OutputLines)
                .Select(line => line.Length),
            Is.All.LessThanOrEqualTo(80)
        );

    [Test]
    public void Help_may_be_asked_for_in_front_of_the_command() =>
        Assert.That(CommandRun.Of("help", "align").Output, Is.EqualTo(CommandRun.Of("align", "--help").Output));

    [Test]
    public void The_version_is_a_line()
    {
        var run = CommandRun.Of("--version");
        Assert.That(run.ExitCode, Is.Zero);
        Assert.That(run.Output, Does.Match(@"^flowbp \d+\.\d+\.\d+\S*\n$"));
    }
}
