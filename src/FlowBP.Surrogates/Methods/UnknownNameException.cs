// A misspelt name should cost a second, not an experiment: the reference ignores settings that it doesn't know.

namespace FlowBP.Surrogates;

/// <summary>A name that isn't known; the message suggests the nearest one that is.</summary>
public sealed class UnknownNameException : ArgumentException
{
    /// <summary>Makes the message.</summary>
    /// <param name="kind">What it should have named: <c>method</c>, <c>setting</c>.</param>
    /// <param name="name">The unknown name.</param>
    /// <param name="known">The names there are.</param>
    /// <param name="context">Where it was found, such as <c> of method leapalign</c>.</param>
    public UnknownNameException(string kind, string name, IEnumerable<string> known, string context = "")
        : base($"unknown {kind} '{name}'{context} {Suggestion(name, [.. known])}") { }

    private static string Suggestion(string name, string[] known)
    {
        var nearest = known.MinBy(candidate => Distance(name, candidate));
        return nearest is not null && Distance(name, nearest) <= Math.Max(2, name.Length / 3)
            ? $"(did you mean {nearest}?)"
            : $"(known: {string.Join(", ", known)})";
    }

    // Levenshtein's distance, one row at a time.
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substituted, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[^1];
    }
}
