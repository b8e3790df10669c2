// What was typed after a command's name, checked for its names and not yet for its values.

using FlowBP.Cli.Failures;
using FlowBP.Settings;

namespace FlowBP.Cli.Parsing;

/// <summary>Options and arguments of one call.</summary>
/// <param name="Given">Option texts by the canonical name of their setting, in the order of the help.</param>
/// <param name="Positionals">Arguments without a flag, in the order in which they were typed.</param>
internal sealed record CommandArguments(
    IReadOnlyList<KeyValuePair<string, string>> Given,
    IReadOnlyList<string> Positionals
)
{
    /// <summary>Whether an option was typed.</summary>
    public bool Has(Setting setting) => Given.Any(pair => pair.Key == setting.Name);

    /// <summary>The value of an option, or its default.</summary>
    /// <exception cref="UsageException">The text is not accepted.</exception>
    public T Get<T>(Setting<T> setting) =>
        Has(setting)
            ? (T)UsageException.Guard(() => setting.ParseValue(Given.First(pair => pair.Key == setting.Name).Value))!
            : setting.Default;

    /// <summary>All options but some.</summary>
    public IEnumerable<KeyValuePair<string, string>> Except(params Setting[] settings) =>
        Given.Where(pair => settings.All(setting => setting.Name != pair.Key));
}
