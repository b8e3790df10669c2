namespace FlowBP.Verification;

/// <summary>The fixtures that one folder or file holds.</summary>
/// <param name="Path">The folder or file.</param>
/// <param name="Run">Runs them. May throw; <see cref="RunGuarded"/> doesn't.</param>
public sealed record FixtureSource(string Path, Func<IReadOnlyList<FixtureResult>> Run)
{
    /// <summary>Runs them; what can't be run at all is one failed fixture without a name.</summary>
    public IReadOnlyList<FixtureResult> RunGuarded() => FixtureResult.GuardAll("", Run);
}
