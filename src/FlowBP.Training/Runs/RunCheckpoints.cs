// The checkpoints of a run. A copy of everything is taken between two steps; a writer makes files of it while the next steps are
// computed, and the next checkpoint waits for the one before. One that can't be saved is reported and stops nothing.

using FlowBP.Families;
using FlowBP.Training.Alignment;
using FlowBP.Training.Checkpoints;
using FlowBP.Training.Configuration;
using FlowBP.Training.EmbeddedWorld;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Ranks;

namespace FlowBP.Training.Runs;

/// <summary>What the checkpoints of a run have in common.</summary>
/// <param name="Config">The run.</param>
/// <param name="Device">Name of the device that it got.</param>
/// <param name="Fingerprints">What its settings name.</param>
internal sealed record RunIdentity(
    AlignmentConfig Config,
    string Device,
    IReadOnlyDictionary<string, string> Fingerprints
);

/// <summary>Saves a run's checkpoints, and goes back to them.</summary>
/// <param name="identity">What they have in common.</param>
/// <param name="model">The model.</param>
/// <param name="trainer">Trains it.</param>
/// <param name="output">The run's folder.</param>
/// <param name="watch">The alarm; null: nobody watches.</param>
/// <param name="notice">Hears of what could not be saved.</param>
internal sealed class RunCheckpoints(
    RunIdentity identity,
    TextToImage model,
    AlignmentTrainer trainer,
    OutputFolder output,
    HackingWatch? watch,
    Action<string> notice
) : IDisposable
{
    // The first judge that an evaluation has, of those that nothing is trained on.
    private static readonly string[] s_heldOut = [RewardJudge.HeldOut, ShapesJudge.MetricName];

    private readonly FileHashes hashes = new();
    private readonly BackgroundWork writer = new();
    private readonly RunProgress progress = new();
    private readonly HashSet<int> standing = [];
    private BestEvaluation? best;
    private int writing;
    private string? leftOld;

    /// <summary>The counters of the run.</summary>
    public RunProgress Progress => progress;

    private CheckpointFolders Folders => output.Checkpoints;

    /// <summary>Begins to save the checkpoint of the steps made, after the one before has been saved.</summary>
    public void Save()
    {
        Finish();
        try
        {
            writing = trainer.StepsDone;
            writer.Begin(Writing(CheckpointReason.Interval));
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Report(e);
        }
    }

    /// <summary>The checkpoint of the steps made, saved now unless it stands.</summary>
    /// <returns>Its folder.</returns>
    /// <exception cref="Formats.CheckpointException">It can't be saved.</exception>
    public string Suspend()
    {
        Finish();
        writing = trainer.StepsDone;
        if (!standing.Contains(writing))
        {
            var isDue =
                writing < identity.Config.MaxTrainSteps
                && identity.Config.CheckpointingSteps is { } every
                && writing % every == 0;
            Writing(isDue ? CheckpointReason.Interval : CheckpointReason.Signal)();
            Stands();
        }
        return Folders.Of(writing);
    }

    /// <summary>Waits until what was begun is saved; a failure is reported.</summary>
    public void Finish()
    {
        var (was, failure) = writer.Finish();
        if (failure is not null)
        {
            Report(failure);
        }
        else if (was)
        {
            Stands();
        }
    }

    /// <summary>Hears an evaluation of the steps made: a checkpoint of the best one is kept.</summary>
    /// <param name="result">What the judges say.</param>
    public void Hear(EvaluationResult result)
    {
        var step = trainer.StepsDone;
        var metric = s_heldOut.FirstOrDefault(name => result.Of(name) is not null);
        if (metric is null || (writing != step && !Directory.Exists(Folders.Of(step))))
        {
            return;
        }
        var score = result.Of(metric)!.Scores.Average();
        if (best is null || score > best.Score)
        {
            best = new(step, metric, score);
        }
    }

    /// <summary>Folders of the checkpoints that were due, by step.</summary>
    public IReadOnlyDictionary<int, string> Due()
    {
        Finish();
        return Folders
            .Steps()
            .Where(step =>
                step <= trainer.StepsDone && Folders.ManifestOf(step) is { Reason: CheckpointReason.Interval }
            )
            .ToDictionary(step => step, Folders.Of);
    }

    /// <summary>Goes on where a checkpoint was made.</summary>
    /// <param name="checkpoint">The checkpoint, of this run.</param>
    /// <exception cref="Formats.CheckpointException">It does not fit; nothing was changed.</exception>
    public void GoOn(StoredCheckpoint checkpoint)
    {
        var manifest = checkpoint.Manifest;
        Restore(checkpoint);
        trainer.CountFrom(manifest.Step);
        standing.Add(manifest.Step);
        best = manifest.Best;
        (progress.EarlierSeconds, progress.LeftOut) = (manifest.Counters.Seconds, manifest.Counters.LeftOut);
        if (watch is not null && manifest.Alarm is { } alarm)
        {
            watch.GoOn(alarm, checkpoint.BestWeights());
        }
    }

    /// <summary>Weights, averages and moments become those of the newest checkpoint that was due; the step goes on counting.</summary>
    /// <returns>The checkpoint's step; null: there is none yet.</returns>
    public int? RollBack()
    {
        Finish();
        using var checkpoint = Folders.OpenNewest(
            notice,
            step => step <= trainer.StepsDone && Folders.ManifestOf(step) is { Reason: CheckpointReason.Interval }
        );
        if (checkpoint is not null)
        {
            Restore(checkpoint);
        }
        return checkpoint?.Manifest.Step;
    }

    private void Restore(StoredCheckpoint checkpoint)
    {
        trainer.Ranks.Order(new(RankTask.Restore, Folder: checkpoint.Folder));
        checkpoint.RestoreInto(trainer.Optimizer, trainer.Shards);
    }

    /// <inheritdoc/>
    public void Dispose() => Finish();

    // Everything is copied here; what is returned may run on any thread.
    private Action Writing(CheckpointReason reason)
    {
        output.Records.Flush();
        using var scope = torch.NewDisposeScope();
        var state = new TrainingState(trainer.State(), trainer.Optimizer.Steps, watch?.BestWeights);
        try
        {
            var weights = new WeightsCopy(model, state.Weights);
            var manifest = Manifest(reason, state);
            var kept = best?.Step;
            return () =>
            {
                using (state)
                using (weights)
                {
                    // What a process that was killed had no more time for: otherwise each kill there leaves one more.
                    Prune(Folders.Steps().LastOrDefault(), kept);
                    Write(manifest, state, weights);
                }
                Prune(manifest.Step, kept);
            };
        }
        catch
        {
            state.Dispose();
            throw;
        }
    }

    private CheckpointManifest Manifest(CheckpointReason reason, TrainingState state) =>
        new()
        {
            Step = trainer.StepsDone,
            Reason = reason,
            Ranks = 1,
            Counters = new(state.OptimizerSteps, progress.Seconds, progress.LeftOut),
            Settings = ResumeRules.Settings(identity.Config, identity.Device),
            Fingerprints = identity.Fingerprints,
            Ages = state.Ages,
            Alarm = watch?.State,
            Best = best,
            Files = [],
        };

    private void Write(CheckpointManifest manifest, TrainingState state, WeightsCopy weights)
    {
        var folder = Folders.Of(manifest.Step);
        using var staging = new CheckpointStaging(folder);
        weights.Save(staging.Path);
        StateShards.Write(staging.Path, new(manifest.Step, Rank: 0, manifest.Ranks), state.Tensors);
        staging.Commit(manifest, hashes, output.List);
        model.Model.OtherPartsMoved(staging.Path, folder);
    }

    // The new checkpoint stands, whatever becomes of old ones.
    private void Prune(int written, int? kept)
    {
        try
        {
            Folders.Prune(identity.Config.Resuming.CheckpointsTotalLimit, written, kept);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            leftOld = $"old checkpoints could not be deleted: {e.Message}";
        }
    }

    private void Stands()
    {
        standing.Add(writing);
        output.Stored();
        if (leftOld is { } text)
        {
            leftOld = null;
            notice(text);
        }
    }

    private void Report(Exception failure) =>
        notice($"no checkpoint after step {writing}, and training goes on: {failure.Message}");
}
