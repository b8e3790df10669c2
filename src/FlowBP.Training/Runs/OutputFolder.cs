// Where a run writes. A folder that exists is never overwritten silently, and no file is ever half-written: all but the
// log that grows line by line are written beside their place and renamed.

using FlowBP.Formats;
using FlowBP.Training.Checkpoints;

namespace FlowBP.Training.Runs;

/// <summary>
/// The folder of one run: what <see cref="Records"/> names, samples/, checkpoints/, lora/, model/, selected/.
/// </summary>
public sealed class OutputFolder : IDisposable
{
    private const string CheckpointsName = "checkpoints";

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

    // Goes on in the folder.
    private OutputFolder(string root, CheckpointManifest from, Action<string>? notice)
    {
        this.notice = notice;
        place = new OutputPlace(root, overwrite: false, notice, goesOn: true);
        try
        {
            Checkpoints.DeleteLeftovers();
            RecordCut.After(Root, from);
            FolderEntries.Create(Samples);
            Records = new RunRecords(Owned, Begin, goesOn: true);
            // The checkpoint; a folder with one is never taken away.
            hasWeights = true;
        }
        catch
        {
            place.Dispose();
            throw;
        }
    }

    /// <summary>Goes on in the folder of a run that has a checkpoint: what was recorded after it is cut off.</summary>
    /// <param name="root">The folder.</param>
    /// <param name="from">The checkpoint's manifest.</param>
    /// <param name="notice">Hears of what was left of other runs, and where it is; null: nobody.</param>
    /// <exception cref="IOException">Another run is still writing there, or something can't be read or written.</exception>
    public static OutputFolder GoOn(string root, CheckpointManifest from, Action<string>? notice = null) =>
        new(root, from, notice);

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

    /// <summary>The run's checkpoints: the model, or the adapter alone, and the state of training, after so many updates.</summary>
    public CheckpointFolders Checkpoints => CheckpointsIn(Root);

    /// <summary>Folder of what a run had trained when it was stopped.</summary>
    /// <param name="step">Updates made.</param>
    public string Stopped(int step) => Path.Combine(Root, CheckpointsName, $"step-{step:D6}-stopped");

    /// <summary>The checkpoints of a run's folder, which need not be there.</summary>
    /// <param name="root">The folder.</param>
    internal static CheckpointFolders CheckpointsIn(string root) => new(Path.Combine(root, CheckpointsName));

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
        Records.Flush();
        Stored();
    }

    /// <summary>Weights of this run are on the disk, with what was recorded by then. A run that this one replaces is not needed any more.</summary>
    public void Stored()
    {
        hasWeights = true;
        DeletePrevious();
    }

    /// <summary>Lists a file as this run's before it is there; from any thread.</summary>
    /// <param name="path">Its path, in this folder.</param>
    public void List(string path) =>
        place.Manifest.Add(Path.GetRelativePath(Path.GetFullPath(Root), Path.GetFullPath(path)));

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
