// From the setting to the checkpoint. It is found and read before anything is loaded, compared with the run once that is known, and
// only then does the run take hold of the folder.

using FlowBP.Formats;
using FlowBP.Training.Checkpoints;
using FlowBP.Training.Configuration;

namespace FlowBP.Training.Runs;

/// <summary>A run that goes on from a checkpoint.</summary>
internal sealed class ResumedRun : IDisposable
{
    private readonly AlignmentConfig config;
    private readonly StoredCheckpoint checkpoint;

    private ResumedRun(AlignmentConfig config, StoredCheckpoint checkpoint) =>
        (this.config, this.checkpoint) = (config, checkpoint);

    /// <summary>Finds the checkpoint.</summary>
    /// <param name="config">The run.</param>
    /// <param name="notice">Hears of damaged ones that are passed over, and that there is none.</param>
    /// <returns>Null: the run begins anew.</returns>
    /// <exception cref="CheckpointException">It is damaged or missing, or not of the output folder.</exception>
    public static ResumedRun? Find(AlignmentConfig config, Action<string> notice)
    {
        if (config.Resuming.ResumeFromCheckpoint is not { } wanted)
        {
            return null;
        }
        var folders = OutputFolder.CheckpointsIn(config.OutputDir);
        if (wanted != CheckpointFolders.Latest)
        {
            return new(config, Named(wanted, folders));
        }
        if (folders.OpenNewest(notice) is { } newest)
        {
            notice($"the run goes on after step {newest.Manifest.Step}, from {newest.Folder}");
            return new(config, newest);
        }
        notice($"{config.OutputDir} has no checkpoint: the run begins anew");
        return null;
    }

    /// <summary>Refuses to go on with another run than the one that made the checkpoint.</summary>
    /// <param name="identity">The run.</param>
    /// <param name="notice">Hears of settings that change last bits.</param>
    /// <exception cref="CheckpointException">It is another run; says by what.</exception>
    public void Require(RunIdentity identity, Action<string> notice) =>
        ResumeRules.Require(checkpoint, identity.Config, identity.Device, identity.Fingerprints, notice);

    /// <summary>Goes on in the run's folder, without what was recorded after the checkpoint.</summary>
    /// <param name="notice">Hears of what was left of other runs, and where it is.</param>
    public OutputFolder Output(Action<string> notice) =>
        OutputFolder.GoOn(config.OutputDir, checkpoint.Manifest, notice);

    /// <summary>Restores the state, and closes the checkpoint.</summary>
    /// <param name="checkpoints">The run's checkpoints.</param>
    public void GoOn(RunCheckpoints checkpoints)
    {
        checkpoints.GoOn(checkpoint);
        checkpoint.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose() => checkpoint.Dispose();

    private static StoredCheckpoint Named(string wanted, CheckpointFolders folders)
    {
        // diffusers takes the name alone.
        var inside = CheckpointFolders.StepOf(wanted) is { } step ? folders.Of(step) : null;
        if (!Directory.Exists(wanted) && inside is not null && Directory.Exists(inside))
        {
            wanted = inside;
        }
        if (!Directory.Exists(wanted))
        {
            throw CheckpointException.ForFile(wanted, "no such checkpoint (resume_from_checkpoint)");
        }
        var found = CheckpointFolders.StepOf(wanted) is { } named ? Path.GetFullPath(folders.Of(named)) : null;
        return Path.TrimEndingDirectorySeparator(Path.GetFullPath(wanted)) == found
            ? StoredCheckpoint.Open(wanted)
            : throw CheckpointException.ForFile(
                wanted,
                "is no checkpoint of output_dir, in which a run goes on: name its folder with output_dir, or align its model with --model"
            );
    }
}
