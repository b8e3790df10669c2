// What was typed after a command's name, checked for its names and not yet for its values.

using FlowBP.Cli.Failures;
using FlowBP.Settings;
using FlowBP.Training.Configuration;

namespace FlowBP.Cli.Parsing;

/// <summary>Options and arguments of one call.</summary>
/// <param name="Given">Option texts by the canonical name of their setting, in the order of the help.</param>
/// <param name="Positionals">Arguments without a flag, in the order in which they were typed.</param>
/// <param name="MethodSources">What said which method it is; a configuration file that it names has been read.</param>
internal sealed record CommandArguments(
    IReadOnlyList<KeyValuePair<string, string>> Given,
    IReadOnlyList<string> Positionals,
    SettingSources MethodSources
)
{
    /// <summary>The options as a record.</summary>
    /// <param name="table">The settings of the record.</param>
    /// <exception cref="UsageException">A text is not accepted.</exception>
    public T To<T>(SettingTable<T> table)
        where T : class => UsageException.Guard(() => table.Bind("this command", Given));
}
