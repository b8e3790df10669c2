// What becomes of a step in which a number is not finite. Left out, it changes no weight, and the next one has other prompts and noise.
// Where the weights themselves have gone wrong every step fails, so that a few in a row end the run after all.

using FlowBP.Surrogates;
using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;

namespace FlowBP.Training.Runs;

/// <summary>Makes training steps, or leaves them out.</summary>
/// <param name="parts">What it works with.</param>
internal sealed class StepAttempts(RunParts parts)
{
    private const int MostInARow = 10;

    private int inARow;

    /// <summary>Makes a step.</summary>
    /// <param name="step">Index of the step, from 0.</param>
    /// <returns>Null: it was left out.</returns>
    /// <exception cref="NonFiniteException">A number is not finite, and the run is to end.</exception>
    public StepReport? Make(int step)
    {
        parts.Progress.Watch.Start();
        try
        {
            var report = parts.Trainer.Step(step);
            inARow = 0;
            return report;
        }
        catch (NonFiniteException e)
            when (parts.Config.Resuming.Nonfinite != NonFiniteResponse.Stop && inARow < MostInARow)
        {
            var back = GoneBack(step);
            inARow++;
            parts.Progress.LeftOut++;
            parts.Trainer.CountFrom(step + 1);
            parts.Output.Records.WriteLeftOut(step + 1, e.Message);
            parts.Observer.Notice($"step {step + 1} is left out{back}: {e.Message}");
            return null;
        }
        finally
        {
            parts.Progress.Watch.Stop();
        }
    }

    // In words.
    private string GoneBack(int step)
    {
        if (parts.Config.Resuming.Nonfinite != NonFiniteResponse.Rollback)
        {
            return "";
        }
        return parts.Checkpoints?.RollBack() is { } back
            ? $", with the weights of step {back} again"
            : throw new RollbackException(step + 1);
    }
}

/// <summary>A step is not finite, and there is no checkpoint yet to go back to.</summary>
/// <param name="step">Number of the step, from 1.</param>
internal sealed class RollbackException(int step)
    : NonFiniteException(
        "step",
        $"a number of step {step} is not finite, and there is no checkpoint yet that nonfinite rollback could go back to: set a"
            + " smaller checkpointing_steps"
    );
