// One row of the table that `verify` prints, whatever kind of fixture it came from.

namespace FlowBP.Cli.Verification;

/// <summary>How a fixture ended.</summary>
internal enum FixtureStatus
{
    /// <summary>Every number agrees within the tolerance.</summary>
    Passed,

    /// <summary>A number disagrees, or the fixture could not be run.</summary>
    Failed,

    /// <summary>The fixture is about something that this version does not have.</summary>
    Skipped,
}

/// <summary>Outcome of one fixture.</summary>
/// <param name="Name">Name within its group; empty where the group's folder is one fixture.</param>
/// <param name="Status">Passed, failed or skipped.</param>
/// <param name="WorstError">Largest relative error; NaN or infinite where there is none.</param>
/// <param name="Tolerance">What it is compared with.</param>
/// <param name="Detail">Where the worst error is, or why it was skipped or could not run.</param>
internal sealed record FixtureRow(string Name, FixtureStatus Status, double WorstError, double Tolerance, string Detail)
{
    /// <summary>A fixture that could not be run.</summary>
    public static FixtureRow Broken(string name, string reason) =>
        new(name, FixtureStatus.Failed, double.NaN, double.NaN, reason.ReplaceLineEndings(" "));

    /// <summary>A fixture of something that does not exist yet.</summary>
    public static FixtureRow Skipped(string name, string reason) =>
        new(name, FixtureStatus.Skipped, double.NaN, double.NaN, reason);
}

/// <summary>The fixtures that one folder or file of fixtures holds.</summary>
/// <param name="Path">The folder or file.</param>
/// <param name="Run">Runs them. May throw: whoever runs it turns that into a failed row.</param>
internal sealed record FixtureSource(string Path, Func<IReadOnlyList<FixtureRow>> Run);

/// <summary>A kind of fixture.</summary>
internal interface IFixtureKind
{
    /// <summary>What this kind finds in a folder itself, not below it.</summary>
    /// <param name="folder">The folder and the names in it.</param>
    IEnumerable<FixtureSource> In(FixtureDirectory folder);
}

/// <summary>A folder that may hold fixtures.</summary>
/// <param name="Path">Its path.</param>
internal sealed record FixtureDirectory(string Path)
{
    /// <summary>Whether it holds a file of that name.</summary>
    public bool Has(string file) => File.Exists(Of(file));

    /// <summary>Path of a file in it.</summary>
    public string Of(string file) => System.IO.Path.Combine(Path, file);
}
