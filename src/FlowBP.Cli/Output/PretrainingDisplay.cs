using FlowBP.Training.Pretraining;

namespace FlowBP.Cli.Output;

/// <summary>Shows pretraining on a progress line.</summary>
/// <param name="line">The line.</param>
/// <param name="stop">The wish to stop; heeded wherever a stage reports.</param>
internal sealed class PretrainingDisplay(ProgressLine line, CancellationToken stop)
{
    /// <summary>Runs a stage and says so.</summary>
    /// <param name="stage">Its name.</param>
    /// <param name="run">Runs it; false if there was nothing to do.</param>
    public bool Run(string stage, Func<bool> run)
    {
        stop.ThrowIfCancellationRequested();
        line.Begin(stage);
        return run();
    }

    /// <summary>Shows where a stage stands.</summary>
    public void Report(PretrainingProgress progress)
    {
        stop.ThrowIfCancellationRequested();
        var text = Text(progress);
        if (progress.Step == progress.Steps)
        {
            line.Say(text);
        }
        else
        {
            line.Show(text);
        }
    }

    /// <summary>The line of a report.</summary>
    public static string Text(PretrainingProgress progress) =>
        string.Join(
            "  ",
            $"{progress.Stage} {progress.Step}/{progress.Steps}",
            $"ETA {Remaining.Text(progress.Step, progress.Steps, progress.Elapsed)}",
            $"loss {Figures.Number(progress.Loss, 4)}"
        );
}
