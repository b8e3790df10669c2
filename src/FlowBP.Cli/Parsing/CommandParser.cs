// From words to a call: which command, which method, which options.
//
// Options depend on the method: `align --method drtune` has other ones than `align --method leapalign`. So what names the method
// (--method, or a configuration) is read first, and the command is then parsed with exactly the options that it has.

using FlowBP.Cli.Commands;
using FlowBP.Cli.Failures;
using FlowBP.Cli.Output;
using FlowBP.Settings;
using FlowBP.Training.Configuration;

namespace FlowBP.Cli.Parsing;

/// <summary>Parses command lines.</summary>
/// <param name="commands">The commands there are.</param>
internal sealed class CommandParser(IReadOnlyList<ICommand> commands)
{
    /// <summary>Parses a command line.</summary>
    /// <param name="args">What was typed after the program's name.</param>
    /// <exception cref="UsageException">A name is unknown, a value is missing, or there is too much or too little.</exception>
    public Call Parse(IReadOnlyList<string> args)
    {
        if (args is [])
        {
            return new(terminal =>
            {
                HelpText.WriteOverview(terminal.Error, commands);
                return FailureReport.WrongUsage;
            });
        }
        return args[0] switch
        {
            "--version" => ExpectAlone(args, terminal => terminal.Output.WriteLine($"flowbp {ProgramVersion.Text}")),
            "help" when args.Count > 1 => Parse([.. args.Skip(1), CommandWords.Help]),
            "help" => Overview(),
            var first when CommandWords.IsHelp(first) => args.Count > 1
                ? Parse([.. args.Skip(1), CommandWords.Help])
                : Overview(),
            var first => ParseCommand(FindCommand(first), [.. args.Skip(1)]),
        };
    }

    private Call Overview() =>
        new(terminal =>
        {
            HelpText.WriteOverview(terminal.Output, commands);
            return 0;
        });

    private static Call ExpectAlone(IReadOnlyList<string> args, Action<Terminal> run) =>
        args.Count == 1
            ? new(terminal =>
            {
                run(terminal);
                return 0;
            })
            : throw new UsageException($"{args[0]} takes no arguments, found: {string.Join(' ', args.Skip(1))}");

    private ICommand FindCommand(string name)
    {
        if (LauncherCommand.All.Any(command => command.Name == name))
        {
            throw new UsageException(
                $"'{name}' is a command of the launcher: run ./flowbp {name} from the source tree"
            );
        }
        string[] known = [.. commands.Select(command => command.Name), .. LauncherCommand.All.Select(c => c.Name)];
        return commands.FirstOrDefault(command => command.Name == name)
            ?? throw new UsageException(
                name.StartsWith('-')
                    ? Suggestion.For("option", name, ["--help", "--version"], "", "flowbp --help")
                    : Suggestion.For("command", name, known, "", "flowbp --help")
            );
    }

    private static Call ParseCommand(ICommand command, string[] args)
    {
        var sources = UsageException.Guard(() => MethodSourcesOf(command, args));
        var method = UsageException.Guard(() => sources.MethodName);
        var groups = UsageException.Guard(() => command.Options(method));
        Setting[] settings = [.. groups.SelectMany(group => group.Settings)];

        var words = CommandWords.Split(command, settings, args);
        if (words.AsksForHelp)
        {
            return new(terminal =>
            {
                HelpText.WriteCommand(terminal.Output, command, groups, method);
                return 0;
            });
        }
        var given = words.Given();
        UnknownWords.Reject(command, settings, words.Unmatched);
        return new(terminal => command.Run(new CommandArguments(given, words.Unmatched, sources), terminal));
    }

    private static SettingSources MethodSourcesOf(ICommand command, string[] args) =>
        ConfigurationOptions.SourcesOf(CommandWords.Split(command, command.MethodSources, args).Given());
}
