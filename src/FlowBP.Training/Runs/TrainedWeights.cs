// Every way in which trained weights reach a disk: checkpoints, the result, and what there is when a run is stopped. What is
// stored is the moving average, where one is kept. What was trained is written first, by itself; the parts that are only placed
// beside it come after, and their failure costs nothing that was trained.

using FlowBP.Formats;
using FlowBP.Training.Alignment;
using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Runs;

/// <summary>Stores what a run trains.</summary>
/// <param name="model">The model.</param>
/// <param name="trainer">Keeps the averages.</param>
/// <param name="output">The run's folder.</param>
/// <param name="notice">Hears what a user should know.</param>
internal sealed class TrainedWeights(
    TextToImage model,
    AlignmentTrainer trainer,
    OutputFolder output,
    Action<string> notice
)
{
    // Beyond the weights: headers, configurations, the summary.
    private const long MarginBytes = 1 << 20;

    /// <summary>Updates made.</summary>
    public int Steps => trainer.StepsDone;

    /// <summary>Makes sure, before anything is trained, that what will be stored can be.</summary>
    /// <exception cref="IOException">The disk has no room for it.</exception>
    /// <exception cref="CheckpointException">A part of the model that is to be stored beside it can't be read.</exception>
    public void Prepare()
    {
        model.Model.RequireReadable(notice);
        output.Reserve(model.StoredBytes + MarginBytes);
    }

    /// <summary>A checkpoint: of an adapted model only the adapter changes.</summary>
    public void SaveCheckpoint()
    {
        var folder = output.Checkpoint(Steps);
        if (model.Adapter is { } adapter)
        {
            adapter.Save(folder);
        }
        else
        {
            model.Save(folder);
        }
        output.Own(folder);
    }

    /// <summary>The trained transformer, and the adapter if there is one, as the run's result.</summary>
    /// <returns>Where they are.</returns>
    public string SaveResult()
    {
        output.ReleaseReserve();
        using var averaged = trainer.Averaged();
        return Kept(
            output.Model,
            folder =>
            {
                if (model.Adapter is { } adapter)
                {
                    var own = folder == output.Model ? output.Adapter : folder;
                    adapter.Save(own);
                    OwnIfHere(own);
                }
                model.SaveTransformer(folder);
            }
        );
    }

    /// <summary>The parts of the result that were not trained, which makes it a whole model.</summary>
    public void SaveOtherParts()
    {
        model.Model.SaveOtherParts(output.Model, notice);
        output.Own(output.Model);
    }

    /// <summary>What has been trained when a run is stopped, under a name that says so.</summary>
    /// <returns>Where it is.</returns>
    public string SaveStopped()
    {
        output.ReleaseReserve();
        using var averaged = trainer.Averaged();
        var where = Kept(
            output.Stopped(Steps),
            folder =>
            {
                if (model.Adapter is { } adapter)
                {
                    adapter.Save(folder);
                }
                else
                {
                    model.SaveTransformer(folder);
                }
            }
        );
        if (model.Adapter is null && where == output.Stopped(Steps))
        {
            try
            {
                model.Model.SaveOtherParts(where, notice);
            }
            catch (Exception e) when (e is CheckpointException or IOException or UnauthorizedAccessException)
            {
                notice($"{where} holds the trained transformer without the model's other parts: {e.Message}");
            }
            output.Own(where);
        }
        return where;
    }

    // Where the run's own disk fails, any other will do.
    private string Kept(string folder, Action<string> save)
    {
        try
        {
            save(folder);
            OwnIfHere(folder);
            return folder;
        }
        catch (Exception e) when (e is CheckpointException or IOException or UnauthorizedAccessException)
        {
            var elsewhere = Path.Combine(
                Path.GetTempPath(),
                $"flowbp-{Path.GetFileName(output.Root)}-step-{Steps:D6}-{Environment.ProcessId}"
            );
            save(elsewhere);
            throw new InterruptedRunException(e, Steps, elsewhere);
        }
    }

    private void OwnIfHere(string folder)
    {
        if (folder.StartsWith(output.Root, StringComparison.Ordinal))
        {
            output.Own(folder);
        }
    }
}
