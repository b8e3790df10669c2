using FlowBP.RandomStreams;

namespace FlowBP.Training.Alignment;

/// <summary>
/// The order in which prompts are visited: epoch by epoch, each a permutation of its own. A function of seed and step, so a
/// resumed run goes on with the prompts that the interrupted one would have had.
/// </summary>
/// <param name="prompts">The prompts.</param>
/// <param name="seed">Seed of the run.</param>
public sealed class PromptOrder(IReadOnlyList<string> prompts, ulong seed)
{
    private readonly int[] order = [.. Enumerable.Range(0, prompts.Count)];
    private long epoch = -1;

    /// <summary>The prompts of a step.</summary>
    /// <param name="step">Index of the step, from 0.</param>
    /// <param name="batch">How many.</param>
    public IReadOnlyList<string> Next(int step, int batch)
    {
        var next = new string[batch];
        for (var b = 0; b < batch; b++)
        {
            var position = (long)step * batch + b;
            Shuffle(position / prompts.Count);
            next[b] = prompts[order[position % prompts.Count]];
        }
        return next;
    }

    // Fisher and Yates, from the identity, so that an epoch's order does not depend on the one before.
    private void Shuffle(long wanted)
    {
        if (epoch == wanted)
        {
            return;
        }
        epoch = wanted;
        var stream = RandomStream.For(seed, wanted, 0, RandomPurpose.PromptOrder);
        for (var i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }
        for (var i = order.Length - 1; i > 0; i--)
        {
            var j = stream.NextInt(i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }
    }
}
