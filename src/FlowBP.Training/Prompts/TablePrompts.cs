// Prompts in a table: comma-separated with quotes (RFC 4180), or separated by tabs, with quotes or without. The first line names the
// columns, and every row has as many: a comma that should have been in quotes cuts a prompt.

using System.Globalization;
using CsvHelper;
using CsvHelper.Configuration;

namespace FlowBP.Training;

/// <summary>Reads prompts from a column of a table.</summary>
internal static class TablePrompts
{
    /// <summary>The texts of the prompts' column.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="text">Its content.</param>
    /// <param name="delimiter">What separates columns.</param>
    /// <param name="key">Finds the column.</param>
    /// <exception cref="InvalidDataException">
    /// There is no such column, a row has more or fewer fields than columns, a prompt is empty, or a quote has no end.
    /// </exception>
    public static List<string> Read(string path, string text, string delimiter, PromptKey key)
    {
        var configuration = new CsvConfiguration(CultureInfo.InvariantCulture)
        {
            Delimiter = delimiter,
            IgnoreBlankLines = true,
            Mode = delimiter == "\t" && !TabbedQuotes.Are(path, text) ? CsvMode.NoEscape : CsvMode.RFC4180,
            BadDataFound = data =>
                throw BadFile.Of(
                    $"{path}, line {data.Context.Parser?.RawRow} has a quote inside a field: double it, and put the field in quotes"
                ),
        };
        using var csv = new CsvReader(new StringReader(text), configuration);
        if (!csv.Read() || !csv.ReadHeader() || csv.HeaderRecord is not { Length: > 0 } header)
        {
            return [];
        }
        // Columns count as different however they are called: the first row tells nothing about the others.
        var column = key.Among([.. header.Select((name, i) => KeyValuePair.Create(name, (string?)$"{i}"))], "line 1");
        var index = Array.IndexOf(header, column);
        List<string> prompts = [];
        while (csv.Read())
        {
            if (csv.Parser.Count != header.Length)
            {
                throw BadFile.Of(
                    $"{path}, line {csv.Parser.RawRow} has {Fields(csv.Parser.Count)}, expected {header.Length} as in line 1:"
                        + " a text that holds what separates fields is put in quotes"
                );
            }
            var prompt = csv.GetField(index)?.Trim() ?? "";
            prompts.Add(
                prompt.Length > 0
                    ? prompt
                    : throw BadFile.Of(
                        $"{path}, line {csv.Parser.RawRow}: the column '{column}' is empty: remove the line or write a prompt"
                    )
            );
        }
        return prompts;
    }

    private static string Fields(int count) => count == 1 ? "1 field" : $"{count} fields";
}
