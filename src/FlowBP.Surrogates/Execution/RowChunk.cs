// A batch is evaluated in chunks of samples. What belongs to a chunk (its part of the conditioning, both branches of guidance
// joined) is the same at every step, so it is made once and kept until the samples of the chunk change.
// Shape legend: B batch or chunk, … the dimensions of one latent.

namespace FlowBP.Surrogates;

/// <summary>The chunks of the samples that a rollout evaluates at present. Owns them.</summary>
/// <param name="size">Samples per chunk.</param>
/// <param name="conditioning">Of the whole batch; stays the caller's.</param>
internal sealed class RowChunks(int size, Conditioning conditioning) : IDisposable
{
    private readonly List<RowChunk> parts = [];

    /// <summary>The chunks.</summary>
    public IReadOnlyList<RowChunk> Parts => parts;

    /// <summary>Cuts up some samples; those of the call before, or fewer.</summary>
    /// <param name="rows">Positions in the batch.</param>
    public void Take(int[] rows)
    {
        if (parts.Sum(part => part.Rows.Length) == rows.Length)
        {
            return;
        }
        Dispose();
        foreach (var part in rows.Chunk(size))
        {
            parts.Add(new RowChunk(part, conditioning));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        parts.ForEach(part => part.Dispose());
        parts.Clear();
    }
}

/// <summary>Some samples of a batch and their conditioning, selected once and used at every step.</summary>
/// <param name="rows">Positions in the batch.</param>
/// <param name="batch">The conditioning of the whole batch; stays the caller's.</param>
internal sealed class RowChunk(int[] rows, Conditioning batch) : IDisposable
{
    /// <summary>Positions in the batch.</summary>
    public int[] Rows { get; } = rows;

    /// <summary>A view of the batch's, or a copy; what guidance joins for it is freed with it.</summary>
    public Conditioning Conditioning { get; } = batch.Select(rows);

    /// <summary>The positions as a tensor; null: all of the batch.</summary>
    public Tensor? Index { get; } =
        rows.Length == batch.Batch ? null : torch.tensor(rows.Select(row => (long)row).ToArray(), device: batch.Device);

    /// <inheritdoc/>
    public void Dispose()
    {
        Conditioning.Dispose();
        Index?.Dispose();
    }
}
