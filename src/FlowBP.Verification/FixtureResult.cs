// What one fixture showed: one row of the table that `flowbp verify` prints, whatever kind of fixture it came from.

namespace FlowBP.Verification;

/// <summary>How a fixture ended.</summary>
public enum FixtureOutcome
{
    /// <summary>Every number agrees within the tolerance.</summary>
    Passed,

    /// <summary>A number disagrees, or the fixture could not be run.</summary>
    Failed,

    /// <summary>The fixture is about something that this version does not have.</summary>
    Skipped,
}

/// <summary>Outcome of one fixture.</summary>
/// <param name="Name">Name of the case, section or folder; empty where its group is this one fixture.</param>
/// <param name="Outcome">Passed, failed or skipped.</param>
/// <param name="WorstError">Largest relative error; NaN where nothing was compared, infinite where shapes differ.</param>
/// <param name="Tolerance">Largest error that passes; NaN where nothing was compared.</param>
/// <param name="Detail">Where the worst error is, or why the fixture was skipped or could not run.</param>
public sealed record FixtureResult(
    string Name,
    FixtureOutcome Outcome,
    double WorstError,
    double Tolerance,
    string Detail
)
{
    /// <summary>The errors against float64, where they were asked for and the fixture is of a network.</summary>
    public WideErrors? AgainstFloat64 { get; init; }

    /// <summary>Whether every number agrees within the tolerance.</summary>
    public bool Passed => Outcome == FixtureOutcome.Passed;

    /// <summary>The result of a fixture of something that this version does not have.</summary>
    /// <param name="name">Name of the fixture.</param>
    /// <param name="reason">What is missing.</param>
    public static FixtureResult Skipped(string name, string reason) =>
        new(name, FixtureOutcome.Skipped, double.NaN, double.NaN, reason);

    /// <summary>The result of a fixture that could not be run.</summary>
    /// <param name="name">Name of the fixture.</param>
    /// <param name="reason">What stopped it.</param>
    public static FixtureResult Broken(string name, string reason) =>
        new(name, FixtureOutcome.Failed, double.NaN, double.NaN, reason.ReplaceLineEndings(" "));

    /// <summary>
    /// Runs a fixture. One that can't be run is a failed one, and its reason is its detail: the others still run.
    /// </summary>
    /// <param name="name">Name of the fixture.</param>
    /// <param name="run">Runs it.</param>
    public static FixtureResult Guard(string name, Func<FixtureResult> run) => GuardAll(name, () => [run()])[0];

    /// <summary>The same for what runs several fixtures.</summary>
    /// <param name="name">Name of the one failed fixture that stands for all if they can't be run.</param>
    /// <param name="run">Runs them.</param>
    public static IReadOnlyList<FixtureResult> GuardAll(string name, Func<IReadOnlyList<FixtureResult>> run)
    {
        try
        {
            return run();
        }
        // These three are about the machine or the user's wish, not about the fixture.
        catch (Exception e) when (e is not (OperationCanceledException or OutOfMemoryException or DllNotFoundException))
        {
            // The project's own exceptions speak for themselves; the runtime's need their type to be understood.
            var isOurs = e.GetType().Namespace?.StartsWith("FlowBP", StringComparison.Ordinal) == true;
            return [Broken(name, isOurs ? e.Message : $"{e.GetType().Name}: {e.Message}")];
        }
    }
}
