// The table of `verify`: fixtures by folder, each with its worst error and the tolerance. Long reasons would break the table,
// so failures and skips are spelt out below it.

using System.Globalization;
using FlowBP.Cli.Output;
using FlowBP.Verification;
using Spectre.Console;

namespace FlowBP.Cli.Verification;

/// <summary>Prints what a verification showed.</summary>
internal static class FixtureReport
{
    // Status, error, tolerance, and two columns after each of the five.
    private const int NumberColumns = 7 + 11 + 9 + 5 * 2;

    // Two errors, and two columns after each of the four.
    private const int WideColumns = 2 * 8 + 4 * 2;
    private const int NarrowestDetail = 12;

    /// <summary>Prints the table, the reasons, and the closing line.</summary>
    /// <param name="terminal">Where to.</param>
    /// <param name="groups">Rows by the name of their folder or file.</param>
    public static void Write(Terminal terminal, IReadOnlyList<(string Group, FixtureResult Result)> groups)
    {
        WriteTable(terminal, groups);
        WriteWideErrors(terminal, groups);
        WriteReasons(terminal.Output, groups, FixtureOutcome.Skipped, "skipped");
        WriteReasons(terminal.Output, groups, FixtureOutcome.Failed, "failed");
        if (Count(FixtureOutcome.Skipped) is > 0 and var skipped)
        {
            terminal.Output.WriteLine($"{skipped} skipped");
        }
        terminal.Output.WriteLine($"{Count(FixtureOutcome.Passed)} passed, {Count(FixtureOutcome.Failed)} failed");

        int Count(FixtureOutcome outcome) => groups.Count(entry => entry.Result.Outcome == outcome);
    }

    private static void WriteTable(Terminal terminal, IReadOnlyList<(string Group, FixtureResult Result)> groups)
    {
        var nameWidth = groups.Max(entry => Math.Max(Label(entry.Result).Length, "fixture".Length));
        nameWidth = Math.Max(
            nameWidth,
            groups.Where(entry => IsAlone(entry.Result)).Select(e => e.Group.Length).DefaultIfEmpty(0).Max()
        );
        var detailWidth = terminal.Results.Profile.Width - nameWidth - NumberColumns;

        var table = new Table().NoBorder();
        table.AddColumn(Column("fixture", false)).AddColumn(Column("result", false));
        table.AddColumn(Column("worst error", true)).AddColumn(Column("tolerance", true));
        if (detailWidth >= NarrowestDetail)
        {
            table.AddColumn(Column("where", false));
        }
        var shown = "";
        foreach (var (group, row) in groups)
        {
            if (!IsAlone(row) && group != shown)
            {
                table.AddRow(new Text(group, new Style(decoration: Decoration.Bold)));
            }
            shown = group;
            List<Text> cells =
            [
                new(IsAlone(row) ? group : Label(row)),
                new(row.Outcome.ToString().ToLowerInvariant(), StyleOf(row.Outcome)),
                new(Number(row.WorstError)),
                new(Number(row.Tolerance)),
            ];
            if (detailWidth >= NarrowestDetail)
            {
                cells.Add(new Text(row.Outcome == FixtureOutcome.Passed ? Shortened(row.Detail, detailWidth) : ""));
            }
            table.AddRow(cells);
        }
        terminal.Results.Write(table);
    }

    // A disagreement has two sides; in float64 one sees whose it is.
    private static void WriteWideErrors(Terminal terminal, IReadOnlyList<(string Group, FixtureResult Result)> groups)
    {
        var rows = groups.Where(entry => entry.Result.AgainstFloat64 is not null).ToArray();
        if (rows.Length == 0)
        {
            return;
        }
        var table = new Table().NoBorder();
        table.AddColumn(Column("against float64", false)).AddColumn(Column("computed", true));
        table.AddColumn(Column("recorded", true));
        var nameWidth = rows.Max(entry => Math.Max(entry.Group.Length, "against float64".Length));
        var detailWidth = terminal.Results.Profile.Width - nameWidth - WideColumns;
        if (detailWidth >= NarrowestDetail)
        {
            table.AddColumn(Column("where computed is worst", false));
        }
        foreach (var (group, row) in rows)
        {
            var errors = row.AgainstFloat64!;
            List<Text> cells = [new(group), new(Number(errors.Computed)), new(Number(errors.Recorded))];
            if (detailWidth >= NarrowestDetail)
            {
                cells.Add(new(Shortened(errors.ComputedWhere, detailWidth)));
            }
            table.AddRow(cells);
        }
        terminal.Results.Write(table);
    }

    private static void WriteReasons(
        TextWriter to,
        IReadOnlyList<(string Group, FixtureResult Result)> groups,
        FixtureOutcome outcome,
        string word
    )
    {
        foreach (var (group, row) in groups.Where(entry => entry.Result.Outcome == outcome))
        {
            var name = IsAlone(row) ? group : $"{group}/{row.Name}";
            to.WriteLine($"{word}: {name}: {row.Detail}");
        }
    }

    private static TableColumn Column(string header, bool isNumber)
    {
        var column = new TableColumn(header) { NoWrap = true, Padding = new Padding(0, 0, 2, 0) };
        return isNumber ? column.RightAligned() : column;
    }

    // A folder that is one fixture has its row under its own name.
    private static bool IsAlone(FixtureResult row) => row.Name.Length == 0;

    private static string Label(FixtureResult row) => $"  {row.Name}";

    private static string Number(double value) =>
        double.IsNaN(value) ? "-" : value.ToString("0.0e+00", CultureInfo.InvariantCulture);

    private static string Shortened(string text, int width) => text.Length <= width ? text : $"{text[..(width - 1)]}…";

    private static Style StyleOf(FixtureOutcome outcome) =>
        outcome switch
        {
            FixtureOutcome.Passed => new Style(Color.Green),
            FixtureOutcome.Failed => new Style(Color.Red),
            _ => new Style(Color.Yellow),
        };
}
