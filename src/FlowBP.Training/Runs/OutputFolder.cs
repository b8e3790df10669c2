// Where a run writes. A folder that exists is never overwritten silently, and no file is ever half-written: all but the
// log that grows line by line are written beside their place and renamed.

using FlowBP.Formats;

namespace FlowBP.Training.Runs;

/// <summary>
/// The folder of one run: what <see cref="Records"/> names, samples/, checkpoints/, lora/, model/, selected/.
/// </summary>
public sealed class OutputFolder : IDisposable
{
    private readonly OutputPlace place;
    private readonly Action<string>? notice;
    private SpaceReservation? reserved;
    private bool hasWeights;

    /// <summary>Creates the folder.</summary>
    /// <param name="root">Its path.</param>
    /// <param name="overwrite">
    /// Whether a folder of an earlier run may be replaced. It stays where it is until the new run has recorded a step (until then
    /// the new one is written beside it), and is kept aside until that has stored weights.
    /// </param>
    /// <param name="notice">Hears of what was left of other runs, and where it is; null: nobody.</param>
    /// <exception cref="IOException">It exists and may not be replaced, or cannot be created.</exception>
    public OutputFolder(string root, bool overwrite, Action<string>? notice = null)
    {
        this.notice = notice;
        place = new OutputPlace(root, overwrite, notice);
        try
        {
            FolderEntries.Create(Samples);
            Records = new RunRecords(Owned, Begin);
        }
        catch
        {
            place.Abandon();
            place.Dispose();
            throw;
        }
    }

    /// <summary>What the run writes about itself.</summary>
    public RunRecords Records { get; }

    /// <summary>The folder.</summary>
    public string Root => place.Current;

    /// <summary>Folder of the aligned model.</summary>
    public string Model => Path.Combine(Root, "model");

    /// <summary>Folder of the adapter, of a run that trained one; <see cref="Model"/> has it made part of the weights.</summary>
    public string Adapter => Path.Combine(Root, "lora");

    /// <summary>Folder of the model that was chosen, of a run that chooses.</summary>
    public string Selected => Path.Combine(Root, "selected");

    /// <summary>Folder of the pictures.</summary>
    public string Samples => Path.Combine(Root, "samples");

    /// <summary>Folder of the model, or of the adapter alone, after so many updates.</summary>
    /// <param name="step">Updates made.</param>
    public string Checkpoint(int step) => Path.Combine(Root, "checkpoints", $"step-{step:D6}");

    /// <summary>Folder of what a run had trained when it was stopped.</summary>
    /// <param name="step">Updates made.</param>
    public string Stopped(int step) => $"{Checkpoint(step)}-stopped";

    /// <summary>The path of the pictures of a step.</summary>
    /// <param name="step">Updates made.</param>
    public string Sample(int step) => Owned($"samples/step-{step:D6}.png");

    /// <summary>The path of the pictures before and after the run.</summary>
    public string Comparison => Owned("samples/before-after.png");

    /// <summary>The path of the plot of the run.</summary>
    public string Plot => Owned("samples/training.png");

    /// <summary>Sets space aside for the trained weights, which the disk has then whatever else is written to it.</summary>
    /// <param name="bytes">How much.</param>
    /// <exception cref="IOException">There is not so much.</exception>
    public void Reserve(long bytes)
    {
        ReleaseReserve();
        reserved = new SpaceReservation(Root, bytes);
    }

    /// <summary>Gives the space back: now the weights are written.</summary>
    public void ReleaseReserve()
    {
        reserved?.Dispose();
        reserved = null;
    }

    /// <summary>
    /// Stores weights of this run. Each of their files is listed as this run's before it is there; with them, what was recorded by
    /// then is put on the disk. A run that this one replaces is not needed any more.
    /// </summary>
    /// <param name="save">Writes the files, to this folder or elsewhere.</param>
    public void Store(Action save)
    {
        using (Listed())
        {
            save();
        }
        hasWeights = true;
        Records.Flush();
        DeletePrevious();
    }

    /// <summary>Lists files that are written into this folder until the result is disposed, each before it is there.</summary>
    public IDisposable Listed()
    {
        var root = Path.GetFullPath(Root);
        return WrittenFiles.To(path =>
        {
            var name = Path.GetRelativePath(root, path);
            if (RunManifest.IsBelow(name))
            {
                place.Manifest.Add(name);
            }
        });
    }

    /// <summary>
    /// Closes the folder, and removes what this run wrote if neither a step was recorded nor weights were stored: a run that never
    /// began leaves nothing.
    /// </summary>
    public void Dispose()
    {
        ReleaseReserve();
        Records.Dispose();
        if (!Records.HasMetrics && !hasWeights)
        {
            place.Abandon();
        }
        place.Dispose();
    }

    private void Begin()
    {
        place.Replace();
        DeletePrevious();
    }

    private void DeletePrevious()
    {
        if (Records.HasMetrics && hasWeights)
        {
            place.DeletePrevious(notice);
        }
    }

    // The path of a file of this run.
    private string Owned(string name)
    {
        place.Manifest.Add(name);
        return Path.Combine(Root, name);
    }
}
