// What is wrong with a command line's names is said in one line with the nearest valid name, or with the methods that an option is of.

using FlowBP.Cli.Commands;
using FlowBP.Cli.Failures;
using FlowBP.Settings;
using FlowBP.Surrogates;

namespace FlowBP.Cli.Parsing;

/// <summary>Refuses words that a command does not know.</summary>
internal static class UnknownWords
{
    private const string MethodFlag = "--method";

    /// <summary>Refuses words that the command has no use for, and asks for the one that it needs.</summary>
    /// <param name="command">The command.</param>
    /// <param name="settings">The options that it has.</param>
    /// <param name="unmatched">Words that are no option and no option's text.</param>
    /// <exception cref="UsageException">Says which word, and the nearest valid name.</exception>
    public static void Reject(ICommand command, Setting[] settings, IReadOnlyList<string> unmatched)
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
                            [.. settings.Select(setting => $"--{setting.Name}"), CommandWords.Help],
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
