// Saves one checkpoint after the other, and deletes old ones, until the process is killed.

using FlowBP.Training.Checkpoints;

namespace FlowBP.Tests.Misfits;

/// <summary>A process that is killed while it saves.</summary>
public static class KilledSaving
{
    /// <summary>Checkpoints at one time, but for the one of the best evaluation.</summary>
    public const int Limit = 2;

    private const int Values = 20_000;

    /// <summary>Saves for ever: each step a second time too, in the place of the first.</summary>
    /// <param name="root">The folder of the checkpoints.</param>
    public static void Run(string root)
    {
        var folders = new CheckpointFolders(root);
        folders.DeleteLeftovers();
        var step = folders.Steps().LastOrDefault();
        if (step == 0)
        {
            Save(folders, step = 1);
        }
        while (true)
        {
            Console.WriteLine("there is one");
            Save(folders, step);
            Console.WriteLine("it was saved again");
            folders.Prune(Limit, step, best: null);
            Save(folders, ++step);
            folders.Prune(Limit, step, best: null);
        }
    }

    /// <summary>Saves one checkpoint of two ranks; every value of it is the step.</summary>
    /// <param name="folders">The checkpoints.</param>
    /// <param name="step">The step.</param>
    public static void Save(CheckpointFolders folders, int step)
    {
        using var staging = new CheckpointStaging(folders.Of(step));
        for (var rank = 0; rank < 2; rank++)
        {
            using var values = torch.full([Values], step, ScalarType.Float32);
            StateShards.Write(
                staging.Path,
                new(step, rank, Ranks: 2),
                new Dictionary<string, Tensor> { [$"{TrainingState.Value}{rank}"] = values }
            );
        }
        staging.Commit(Manifest(step, ranks: 2), new());
    }

    /// <summary>A manifest without anything particular.</summary>
    /// <param name="step">The step.</param>
    /// <param name="ranks">Ranks.</param>
    public static CheckpointManifest Manifest(int step, int ranks) =>
        new()
        {
            Step = step,
            Reason = CheckpointReason.Interval,
            Ranks = ranks,
            Counters = new(step, Seconds: 1.5, LeftOut: 0),
            Settings = new Dictionary<string, string> { ["method"] = "refl" },
            Fingerprints = new Dictionary<string, string>(),
            Ages = new Dictionary<string, long> { ["0"] = step, ["1"] = step },
            Alarm = new(step, BestStep: 1, [0.25, 1.0 / 3], TrippedAt: null, KeptStep: step),
            Best = new(1, "heldout_reward", 0.1),
            Files = [],
        };
}
