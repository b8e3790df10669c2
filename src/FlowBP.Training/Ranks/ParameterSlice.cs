namespace FlowBP.Training.Ranks;

/// <summary>The elements of a parameter that a rank updates, of its elements in order.</summary>
/// <param name="Start">The first one.</param>
/// <param name="Length">How many; 0: the parameter has too few for every rank.</param>
public readonly record struct ParameterSlice(long Start, long Length)
{
    /// <summary>Elements that each rank has in an exchange, the last ones' filled up: ⌈n/R⌉.</summary>
    /// <param name="ranks">R.</param>
    /// <param name="elements">n.</param>
    public static long Padded(int ranks, long elements) => (elements + ranks - 1) / ranks;

    /// <summary>The slice of a rank.</summary>
    /// <param name="rank">The rank, from 0.</param>
    /// <param name="ranks">R.</param>
    /// <param name="elements">n.</param>
    public static ParameterSlice Of(int rank, int ranks, long elements)
    {
        var padded = Padded(ranks, elements);
        var start = Math.Min(rank * padded, elements);
        return new(start, Math.Min(padded, elements - start));
    }

    /// <summary>These elements of a tensor, as a view.</summary>
    /// <param name="whole">A contiguous tensor.</param>
    public Tensor Of(Tensor whole) => whole.detach().view(-1).narrow(0, Start, Length);
}
