// A report's table of texts, the same for a terminal and for a file.

using System.Text;

namespace FlowBP.Training.Tables;

/// <summary>A table whose first column is a name and whose others are figures.</summary>
/// <param name="Title">What it shows.</param>
/// <param name="Headers">Of its columns.</param>
/// <param name="Rows">As many texts each.</param>
public sealed record TextTable(string Title, IReadOnlyList<string> Headers, IReadOnlyList<IReadOnlyList<string>> Rows)
{
    /// <summary>A section of a Markdown file: the title, and the table with its figures to the right.</summary>
    public string Markdown()
    {
        var to = new StringBuilder();
        to.Append($"\n## {char.ToUpperInvariant(Title[0])}{Title[1..]}\n\n");
        var rule = Headers.Select((_, i) => i == 0 ? "---" : "---:");
        foreach (var row in Rows.Prepend([.. rule]).Prepend(Headers))
        {
            to.Append($"| {string.Join(" | ", row)} |\n");
        }
        return to.ToString();
    }
}
