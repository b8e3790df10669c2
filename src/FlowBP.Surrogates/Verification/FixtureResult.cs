// What one fixture showed: one row of the table that `flowbp verify` prints.

namespace FlowBP.Surrogates.Verification;

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
/// <param name="Name">Name of the case or section.</param>
/// <param name="Outcome">Passed, failed or skipped.</param>
/// <param name="WorstError">Largest error relative to the largest reference magnitude; NaN when it could not run.</param>
/// <param name="Detail">Where the worst error is, or why it could not run.</param>
public sealed record FixtureResult(string Name, FixtureOutcome Outcome, double WorstError, string Detail)
{
    /// <summary>Whether every number agrees within the tolerance.</summary>
    public bool Passed => Outcome == FixtureOutcome.Passed;
}
