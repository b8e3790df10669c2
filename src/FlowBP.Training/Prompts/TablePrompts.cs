// Prompts in a table: comma-separated with quotes (RFC 4180), or separated by tabs. The first line names the columns.

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
    /// <exception cref="InvalidDataException">There is no such column, a prompt is empty, or a quote has no end.</exception>
    public static List<string> Read(string path, string text, string delimiter, PromptKey key)
    {
        var configuration = new CsvConfiguration(CultureInfo.InvariantCulture)
        {
            Delimiter = delimiter,
            IgnoreBlankLines = true,
            // Fields between tabs are not quoted: a quote there is the prompt's own.
            Mode = delimiter == "\t" ? CsvMode.NoEscape : CsvMode.RFC4180,
            BadDataFound = data =>
                throw new InvalidDataException(
                    $"{path}, line {data.Context.Parser?.RawRow} has a quote inside a field: double it, and put the field in quotes"
                ),
            MissingFieldFound = null,
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
            var prompt = index < csv.Parser.Count ? csv.GetField(index)?.Trim() ?? "" : "";
            prompts.Add(
                prompt.Length > 0
                    ? prompt
                    : throw new InvalidDataException(
                        $"{path}, line {csv.Parser.RawRow}: the column '{column}' is empty: remove the line or write a prompt"
                    )
            );
        }
        return prompts;
    }
}
