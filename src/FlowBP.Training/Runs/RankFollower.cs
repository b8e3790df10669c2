// A rank that follows: it has a model and a trainer of its own, and does what rank 0 orders. What takes one process only (evaluations,
// pictures, records, files) rank 0 does alone.

using FlowBP.Surrogates;
using FlowBP.Training.Alignment;
using FlowBP.Training.Checkpoints;
using FlowBP.Training.Configuration;
using FlowBP.Training.Devices;
using FlowBP.Training.FlowMatching;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Ranks;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Runs;

/// <summary>Trains with rank 0.</summary>
/// <param name="config">The run, the same on every rank.</param>
/// <param name="ranks">The ranks; this one is not rank 0.</param>
/// <param name="nextOrder">Waits for rank 0's next order.</param>
/// <param name="notice">Hears what a user should know.</param>
public sealed class RankFollower(
    AlignmentConfig config,
    RankGroup ranks,
    Func<RankOrder> nextOrder,
    Action<string> notice
)
{
    /// <summary>Follows until rank 0 ends.</summary>
    /// <returns>The exit code that rank 0 ends with.</returns>
    /// <exception cref="Distributed.RankLostException">A rank is lost.</exception>
    /// <exception cref="Formats.CheckpointException">A file is missing, damaged, or does not fit.</exception>
    public int Run()
    {
        var prompts = PromptFile.Read(config.Prompts, config.Model.CaptionKey);
        var captions = CaptionedPictures.Of(config.FlowMatching, prompts)?.Captions ?? [];
        using var device = ComputeDevice.Open(config.Model.Device, notice);
        using var engine = RankDevices.Connect(ranks, device, notice);
        using var model = config.Model.Open(device, [.. prompts, .. captions], notice, config.Training);
        using var reward = RewardFolder.Load(config.Judges.Rewards, device.Device, config.Model.RewardDtype);
        using var trainer = new AlignmentTrainer(config, model, reward, prompts, ranks);
        var order = nextOrder();
        for (; order.Task != RankTask.End; order = nextOrder())
        {
            Obey(order, trainer);
        }
        return order.Number;
    }

    private static void Obey(RankOrder order, AlignmentTrainer trainer)
    {
        using var scope = torch.NewDisposeScope();
        switch (order.Task)
        {
            case RankTask.Step:
                Step(trainer, order.Number);
                break;
            case RankTask.CountFrom:
                trainer.CountFrom(order.Number);
                break;
            case RankTask.Exchange:
                trainer.Optimizer.SwapWithEma();
                break;
            case RankTask.JoinState:
                _ = trainer.State();
                break;
            case RankTask.Restore:
                using (
                    var checkpoint = StoredCheckpoint.Open(
                        order.Folder ?? throw new InvalidDataException("rank 0 names no checkpoint to go back to")
                    )
                )
                {
                    checkpoint.RestoreInto(trainer.Optimizer, trainer.Shards);
                }
                break;
            default:
                throw new InvalidDataException($"rank 0 ordered {order.Task}, which this version does not know");
        }
    }

    private static void Step(AlignmentTrainer trainer, int step)
    {
        try
        {
            trainer.Step(step);
        }
        catch (NonFiniteException)
        {
            // Rank 0 has thrown the same, says it, and orders what becomes of it.
        }
    }
}
