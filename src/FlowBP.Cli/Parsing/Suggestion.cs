// A typing mistake is answered with the name that was probably meant.

using FlowBP.Settings;

namespace FlowBP.Cli.Parsing;

/// <summary>Messages about names that do not exist.</summary>
internal static class Suggestion
{
    private const int MostListed = 20;

    /// <summary>One line: the unknown name, and the nearest known one, or where the known ones are listed.</summary>
    /// <param name="kind">What it should have named.</param>
    /// <param name="name">As typed.</param>
    /// <param name="known">The names there are.</param>
    /// <param name="context">Where, such as <c> of align</c>.</param>
    /// <param name="seeAlso">The call that lists the names.</param>
    public static string For(
        string kind,
        string name,
        IReadOnlyCollection<string> known,
        string context,
        string seeAlso
    )
    {
        var message = new UnknownNameException(kind, name, known, context).Message;
        var isNear = message.EndsWith("?)", StringComparison.Ordinal);
        return isNear || known.Count <= MostListed
            ? message
            : $"unknown {kind} '{name}'{context} ({seeAlso} lists them)";
    }
}
