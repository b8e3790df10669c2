// Recorded inputs, outputs and gradients of networks: folders with meta.json and io.safetensors.

using FlowBP.Models.Verification;

namespace FlowBP.Cli.Verification;

/// <summary>Fixtures of networks.</summary>
internal sealed class NetworkFixtures : IFixtureKind
{
    /// <inheritdoc/>
    public IEnumerable<FixtureSource> In(FixtureDirectory folder)
    {
        if (folder.Has("meta.json") && folder.Has("io.safetensors"))
        {
            yield return new(folder.Path, () => [Row(ModelFixture.Run(folder.Path))]);
        }
    }

    private static FixtureRow Row(FixtureResult result) =>
        new(
            "",
            result.Outcome switch
            {
                FixtureOutcome.Passed => FixtureStatus.Passed,
                FixtureOutcome.Skipped => FixtureStatus.Skipped,
                _ => FixtureStatus.Failed,
            },
            result.WorstError,
            ModelFixture.DefaultTolerance,
            result.Detail
        );
}
