// System.CommandLine splits the words (--name value, --name=value, quoting); which names exist comes from the settings.

using System.CommandLine;
using System.CommandLine.Parsing;
using FlowBP.Cli.Commands;
using FlowBP.Cli.Failures;
using FlowBP.Settings;

namespace FlowBP.Cli.Parsing;

/// <summary>The words after a command's name, split into options, their texts and the rest.</summary>
internal sealed class CommandWords
{
    /// <summary>The option that asks for help.</summary>
    public const string Help = "--help";

    private static readonly string[] s_otherHelp = ["-h", "-?"];

    private static readonly ParserConfiguration s_configuration = new()
    {
        EnablePosixBundling = false,
        // A prompt may begin with @.
        ResponseFileTokenReplacer = null,
    };

    private readonly IReadOnlyList<Setting> settings;
    private readonly string[] args;
    private readonly ParseResult parsed;
    private readonly Option<string[]>[] options;
    private readonly Option<bool> help;

    private CommandWords(
        IReadOnlyList<Setting> settings,
        string[] args,
        ParseResult parsed,
        Option<string[]>[] options,
        Option<bool> help
    )
    {
        this.settings = settings;
        this.args = args;
        this.parsed = parsed;
        this.options = options;
        this.help = help;
    }

    /// <summary>Whether the words ask for help.</summary>
    public bool AsksForHelp => parsed.GetResult(help) is { Implicit: false };

    /// <summary>Words that are no option and no option's text.</summary>
    public IReadOnlyList<string> Unmatched => parsed.UnmatchedTokens;

    /// <summary>Whether a word asks for help.</summary>
    public static bool IsHelp(string word) => word == Help || s_otherHelp.Contains(word);

    /// <summary>Splits the words of a command line.</summary>
    /// <param name="command">The command.</param>
    /// <param name="settings">The options that it has.</param>
    /// <param name="args">What was typed after its name.</param>
    public static CommandWords Split(ICommand command, IReadOnlyList<Setting> settings, string[] args)
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
        var help = new Option<bool>(Help, s_otherHelp) { Arity = ArgumentArity.Zero };
        var root = new Command(command.Name) { TreatUnmatchedTokensAsErrors = false };
        foreach (var option in options)
        {
            root.Add(option);
        }
        root.Add(help);
        return new(
            settings,
            args,
            CommandLineParser.Parse(root, WithEmptyValues(settings, args), s_configuration),
            options,
            help
        );
    }

    /// <summary>Option texts by the canonical name of their setting, in the order of the settings.</summary>
    /// <exception cref="UsageException">An option has no text, or is given twice.</exception>
    public KeyValuePair<string, string>[] Given() =>
        [
            .. from pair in settings.Zip(options)
            let result = parsed.GetResult(pair.Second)
            where result is { Implicit: false }
            from text in TextsOf(pair.First, result)
            select KeyValuePair.Create(pair.First.Name, text),
        ];

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

    private string[] TextsOf(Setting setting, OptionResult result)
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
}
