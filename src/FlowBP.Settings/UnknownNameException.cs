// A misspelt name should cost a second, not an experiment: the reference ignores settings that it doesn't know.

namespace FlowBP.Settings;

/// <summary>A name that isn't known; the message suggests the nearest one that is.</summary>
public sealed class UnknownNameException : InvalidSettingException
{
    // A name from a file may be as long as the file.
    private const int MostQuoted = 80;

    /// <summary>Makes the message.</summary>
    /// <param name="kind">What it should have named: <c>method</c>, <c>setting</c>.</param>
    /// <param name="name">The unknown name.</param>
    /// <param name="known">The names there are.</param>
    /// <param name="context">Where it was found, such as <c> of method leapalign</c>.</param>
    public UnknownNameException(string kind, string name, IEnumerable<string> known, string context = "")
        : base($"unknown {kind} '{Quoted(name)}'{context} {Suggestion(name, [.. known])}") { }

    private static string Suggestion(string name, string[] known) =>
        NearestNames.Question(Quoted(name), known) is { Length: > 0 } question
            ? question
            : $"(known: {string.Join(", ", known)})";

    private static string Quoted(string name) => name.Length <= MostQuoted ? name : $"{name[..MostQuoted]}…";
}
