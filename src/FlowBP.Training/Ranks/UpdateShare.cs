// An update's samples are numbered through, and what a sample begins with is a function of its number. So an update is divided by
// giving each rank a range of numbers, and nothing else changes.

using FlowBP.Settings;

namespace FlowBP.Training.Ranks;

/// <summary>The samples of an update that a rank computes.</summary>
/// <param name="First">Number of the first one in the update.</param>
/// <param name="Count">How many.</param>
public readonly record struct UpdateShare(int First, int Count)
{
    /// <summary>The share of a rank: shares follow each other and differ by one sample at most.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="samples">Samples of the update, over all ranks.</param>
    public static UpdateShare Of(RankGroup ranks, int samples)
    {
        var (first, end) = (Start(ranks.Rank, ranks.Size, samples), Start(ranks.Rank + 1, ranks.Size, samples));
        return new(first, end - first);
    }

    /// <summary>Refuses an update of which some rank would have no sample.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="samples">Samples of the update, over all ranks.</param>
    /// <exception cref="InvalidSettingException">There are more ranks than samples.</exception>
    public static void RequireSamplesForAll(RankGroup ranks, int samples)
    {
        if (ranks.Size > samples)
        {
            throw new InvalidSettingException(
                $"an update has {samples} samples (train_batch_size times gradient_accumulation_steps, over all ranks), and there are"
                    + $" {ranks.Size} ranks: give it at least as many samples, or start fewer ranks"
            );
        }
    }

    /// <summary>
    /// The share in parts that lie within one batch each, of those that one rank would compute: what a batch has in common (a draw of
    /// indices) is then the same for all its samples, whoever computes them.
    /// </summary>
    /// <param name="batch">Samples of a batch.</param>
    public IEnumerable<UpdateShare> Parts(int batch)
    {
        var end = First + Count;
        for (var first = First; first < end; )
        {
            var next = Math.Min(end, (first / batch + 1) * batch);
            yield return new(first, next - first);
            first = next;
        }
    }

    private static int Start(int rank, int ranks, int samples) => (int)((long)rank * samples / ranks);
}
