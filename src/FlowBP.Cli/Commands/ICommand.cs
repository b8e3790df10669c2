// A command describes itself as settings do: name, summary, options in groups. The parser and the help are made of that
// description, so an option exists in exactly one place.

using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;
using FlowBP.Settings;

namespace FlowBP.Cli.Commands;

/// <summary>Options that the help shows together.</summary>
/// <param name="Title">Heading.</param>
/// <param name="Settings">The options.</param>
internal sealed record OptionGroup(string Title, IReadOnlyList<Setting> Settings);

/// <summary>What may follow the options.</summary>
/// <param name="Name">As in the usage line.</param>
/// <param name="Help">One line.</param>
internal sealed record Positional(string Name, string Help);

/// <summary>One command of the program.</summary>
internal interface ICommand
{
    /// <summary>Name, as typed.</summary>
    string Name { get; }

    /// <summary>One line.</summary>
    string Summary { get; }

    /// <summary>Arguments without a flag, of which there must be at least one; null where there are none.</summary>
    Positional? Positional => null;

    /// <summary>A usage example or two, each a whole line.</summary>
    IReadOnlyList<string> Examples { get; }

    /// <summary>The options that say which method it is; none where there is no method.</summary>
    IReadOnlyList<Setting> MethodSources =>
        [.. Options(null).SelectMany(group => group.Settings).Where(setting => setting.Name == "method")];

    /// <summary>The options, in the order of the help.</summary>
    /// <param name="method">Value of <c>--method</c>; null if not given.</param>
    /// <exception cref="UnknownNameException">There is no such method.</exception>
    IReadOnlyList<OptionGroup> Options(string? method);

    /// <summary>Runs the command.</summary>
    /// <returns>The exit code.</returns>
    int Run(CommandArguments arguments, Terminal terminal);
}
