// How trained weights reach a disk at the end: the result, and what there is when a run is stopped. What is
// stored is the moving average, where one is kept. What was trained is written first, by itself; the parts that are only placed
// beside it come after, and their failure costs nothing that was trained.

using FlowBP.Families;
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
        output.Reserve(model.Storage.Bytes + MarginBytes);
    }

    /// <summary>The trained transformer, and the adapter if there is one, as the run's result.</summary>
    /// <returns>Where they are.</returns>
    /// <exception cref="InterruptedRunException">They are elsewhere, or only the adapter could be stored; says where.</exception>
    public string SaveResult()
    {
        output.ReleaseReserve();
        using var averaged = trainer.Averaged();
        if (model.Adapter is not { } adapter)
        {
            return Kept(output.Model, model.Storage.SaveTransformer);
        }
        var trained = Kept(output.Adapter, folder => adapter.Save(folder));
        try
        {
            output.Store(() => model.Storage.SaveTransformer(output.Model));
            return output.Model;
        }
        catch (Exception e)
        {
            // The adapter is all that was trained; the model can be made of it at any time.
            throw new InterruptedRunException(e, Steps, trained);
        }
    }

    /// <summary>Folder of the result: of the adapter where one is trained, else of the model.</summary>
    public string Result => model.Adapter is null ? output.Model : output.Adapter;

    /// <summary>The parts of the result that were not trained, which makes it a whole model.</summary>
    public void SaveOtherParts() => SaveOtherParts(output.Model);

    /// <summary>What has been trained when a run is stopped, under a name that says so.</summary>
    /// <returns>Where it is.</returns>
    /// <exception cref="InterruptedRunException">It is elsewhere; says where.</exception>
    public string SaveStopped()
    {
        output.ReleaseReserve();
        using var averaged = trainer.Averaged();
        var folder = output.Stopped(Steps);
        if (model.Adapter is { } adapter)
        {
            return Kept(folder, to => adapter.Save(to));
        }
        Kept(folder, model.Storage.SaveTransformer);
        try
        {
            SaveOtherParts(folder);
        }
        catch (Exception e) when (e is CheckpointException or IOException or UnauthorizedAccessException)
        {
            notice($"{folder} holds the trained transformer without the model's other parts: {e.Message}");
        }
        return folder;
    }

    private void SaveOtherParts(string folder)
    {
        using var listed = output.Listed();
        model.Model.SaveOtherParts(folder, notice: notice);
    }

    // Where the run's own disk fails, any other will do.
    private string Kept(string folder, Action<string> save)
    {
        try
        {
            output.Store(() => save(folder));
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
}
