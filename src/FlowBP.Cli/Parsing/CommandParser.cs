// From words to a call. System.CommandLine splits the words (--name value, --name=value, quoting); which names exist comes
// from the commands' settings, and what is wrong is said here, in one line with the nearest valid name.
//
// Options depend on the method: `align --method drtune` has other ones than `align --method leapalign`. So what names the method
// (--method, or a configuration) is read first, and the command is then parsed with exactly the options that it has.

using System.CommandLine;
using System.CommandLine.Parsing;
using FlowBP.Cli.Commands;
using FlowBP.Cli.Failures;
using FlowBP.Cli.Output;
using FlowBP.Settings;
using FlowBP.Surrogates;
using FlowBP.Training.Configuration;

namespace FlowBP.Cli.Parsing;

/// <summary>A call that is ready to run.</summary>
/// <param name="Run">Runs it and returns the exit code.</param>
internal sealed record Call(Func<Terminal, int> Run);

/// <summary>Parses command lines.</summary>
/// <param name="commands">The commands there are.</param>
internal sealed class CommandParser(IReadOnlyList<ICommand> commands)
{
    private const string MethodFlag = "--method";

    private static readonly string[] s_help = ["--help", "-h", "-?"];

    private static readonly ParserConfiguration s_configuration = new()
    {
        EnablePosixBundling = false,
        // A prompt may begin with @.
        ResponseFileTokenReplacer = null,
    };

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
            "help" when args.Count > 1 => Parse([.. args.Skip(1), s_help[0]]),
            "help" => Overview(),
            var first when s_help.Contains(first) => args.Count > 1 ? Parse([.. args.Skip(1), s_help[0]]) : Overview(),
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

        var (parsed, options, help) = Split(command, settings, args);
        if (parsed.GetResult(help) is { Implicit: false })
        {
            return new(terminal =>
            {
                HelpText.WriteCommand(terminal.Output, command, groups, method);
                return 0;
            });
        }
        var given = GivenOf(settings, options, parsed, args).ToArray();
        RejectUnknown(command, settings, parsed.UnmatchedTokens);
        return new(terminal => command.Run(new CommandArguments(given, parsed.UnmatchedTokens, sources), terminal));
    }

    private static SettingSources MethodSourcesOf(ICommand command, string[] args)
    {
        var (parsed, options, _) = Split(command, command.MethodSources, args);
        return ConfigurationOptions.SourcesOf([.. GivenOf(command.MethodSources, options, parsed, args)]);
    }

    private static IEnumerable<KeyValuePair<string, string>> GivenOf(
        IReadOnlyList<Setting> settings,
        Option<string[]>[] options,
        ParseResult parsed,
        string[] args
    ) =>
        from pair in settings.Zip(options)
        let result = parsed.GetResult(pair.Second)
        where result is { Implicit: false }
        from text in TextsOf(pair.First, result, args)
        select KeyValuePair.Create(pair.First.Name, text);

    private static (ParseResult Parsed, Option<string[]>[] Options, Option<bool> Help) Split(
        ICommand command,
        IReadOnlyList<Setting> settings,
        string[] args
    )
    {
        Option<string[]>[] options =
        [
            .. settings.Select(setting => new Option<string[]>(
                $"--{setting.Name}",
                [.. setting.Aliases.Select(alias => $"--{alias}")]
            )
            {
                // The number of values is checked below: a switch may stand alone, and twice is an error of its own.
                Arity = setting.Kind.IsFlag ? ArgumentArity.ZeroOrMore : ArgumentArity.OneOrMore,
                AllowMultipleArgumentsPerToken = false,
            }),
        ];
        var help = new Option<bool>(s_help[0], s_help[1..]) { Arity = ArgumentArity.Zero };
        var root = new Command(command.Name) { TreatUnmatchedTokensAsErrors = false };
        foreach (var option in options)
        {
            root.Add(option);
        }
        root.Add(help);
        return (CommandLineParser.Parse(root, WithEmptyValues(settings, args), s_configuration), options, help);
    }

    // A shell makes --prompt="" into --prompt=, which the parser takes for an option without a value.
    private static string[] WithEmptyValues(IReadOnlyList<Setting> settings, string[] args) =>
        [
            .. args.SelectMany(word =>
                settings.Any(setting =>
                    !setting.Kind.IsFlag && setting.Aliases.Prepend(setting.Name).Any(name => word == $"--{name}=")
                )
                    ? [word[..^1], ""]
                    : new[] { word }
            ),
        ];

    private static string[] TextsOf(Setting setting, OptionResult result, string[] args)
    {
        if (result.IdentifierTokenCount > 1 && !setting.Repeats)
        {
            throw new UsageException($"option --{setting.Name} is given {result.IdentifierTokenCount} times");
        }
        if (result.Tokens.Count == 0 && setting.Kind.IsFlag)
        {
            return ["true"];
        }
        // A word that begins like an option is the next option, read as this one's value, unless it was written as the value.
        return
            result.Tokens.Count == result.IdentifierTokenCount
            && result.Tokens.All(token =>
                !token.Value.StartsWith("--", StringComparison.Ordinal) || IsWritten(token.Value)
            )
            ? [.. result.Tokens.Select(token => token.Value)]
            : throw NeedsValue();

        // --name=VALUE: whatever follows the sign is the value.
        bool IsWritten(string value) =>
            setting.Aliases.Prepend(setting.Name).Any(name => args.Contains($"--{name}={value}"));

        UsageException NeedsValue() =>
            new(
                $"option --{setting.Name} needs a value: {setting.Accepts}"
                    + (setting.Kind.IsText ? $" (--{setting.Name}=VALUE takes one that begins with --)" : "")
            );
    }

    private static void RejectUnknown(ICommand command, Setting[] settings, IReadOnlyList<string> unmatched)
    {
        foreach (var word in unmatched)
        {
            if (word.StartsWith('-') && word.Length > 1)
            {
                var name = word.Split('=', ':')[0];
                throw new UsageException(
                    OwnersOf(name) is { Length: > 0 } owners
                        ? $"option {name} belongs to other methods: {owners}"
                        : Suggestion.For(
                            "option",
                            name,
                            [.. settings.Select(setting => $"--{setting.Name}"), s_help[0]],
                            $" of {command.Name}",
                            $"flowbp {command.Name} --help"
                        )
                );
            }
            if (command.Positional is null)
            {
                throw new UsageException(
                    $"{command.Name} takes options only, found '{word}' (flowbp {command.Name} --help lists them)"
                );
            }
        }
        if (command.Positional is { } needed && unmatched.Count == 0)
        {
            throw new UsageException($"{command.Name} needs {needed.Name}: {needed.Help}");
        }

        string OwnersOf(string flag) =>
            settings.Any(setting => $"--{setting.Name}" == MethodFlag)
                ? string.Join(
                    ", ",
                    MethodRegistry
                        .All.Where(m =>
                            m.Settings.Any(s => flag.StartsWith("--", StringComparison.Ordinal) && s.Answers(flag[2..]))
                        )
                        .Select(m => m.Name)
                )
                : "";
    }
}
