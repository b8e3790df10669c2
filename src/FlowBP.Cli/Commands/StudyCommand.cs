// `study`: the papers' comparisons on the embedded model. A study that was stopped goes on where it was.

using FlowBP.Cli.Failures;
using FlowBP.Cli.Machine;
using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;
using FlowBP.Cli.Plotting;
using FlowBP.Settings;
using FlowBP.Training.Studies;

namespace FlowBP.Cli.Commands;

/// <summary>Runs a study.</summary>
internal sealed class StudyCommand : ICommand
{
    private const string SetName = "set";

    private static readonly Setting s_set = new(SetName, SettingKind.Text)
    {
        Help = "one setting of align for all arms, as key=value; may be given again",
        Repeats = true,
        Default = "none",
    };

    /// <inheritdoc/>
    public string Name => "study";

    /// <inheritdoc/>
    public string Summary => "compare methods and their settings over seeds, with intervals, tables and plots";

    /// <inheritdoc/>
    public Positional? Positional { get; } =
        new("NAME", $"{string.Join(", ", StudyLibrary.Names)}; or a file of a study, NAME.yaml");

    /// <inheritdoc/>
    public IReadOnlyList<string> Examples { get; } =
    [
        "flowbp study methods --quick",
        "flowbp study methods --arms flowbp-bridge,leapalign --seeds 1,2",
        "flowbp study hinge --set reward=DIR --output_dir outputs/hinge",
    ];

    /// <inheritdoc/>
    public IReadOnlyList<OptionGroup> Options(string? method) =>
        [new("options", [.. StudySettings.Table.Settings, s_set])];

    /// <inheritdoc/>
    public int Run(CommandArguments arguments, Terminal terminal)
    {
        var plan = UsageException.Guard(() => new StudyPlan(Settings(arguments)));
        Threads.UseAll();
        var report = ProgressLine.During(
            terminal,
            line => new StudyRun(plan, new StudyProgress(line, TimeProvider.System)).Execute(terminal.Stop)
        );
        StudyPlots.Write(plan.Folder, report, text => terminal.Error.WriteLine($"note: {text}"));
        StudyDisplay.Write(terminal, plan.Folder, report);
        return 0;
    }

    private static StudySettings Settings(CommandArguments arguments)
    {
        if (arguments.Positionals is not [var name])
        {
            throw new UsageException($"study takes one name, found: {string.Join(' ', arguments.Positionals)}");
        }
        var asked = StudySettings.Table.Bind("study", arguments.Given.Where(pair => pair.Key != SetName));
        return asked with
        {
            Name = name,
            Overrides = [.. arguments.Given.Where(pair => pair.Key == SetName).Select(pair => pair.Value)],
        };
    }
}
