// An active step's forward has already happened in the rollout. What it takes to use it again is small: the inputs of the
// blocks, for the samples that will be pulled back there.
// Shape legend: B batch, n kept samples, … the dimensions of one latent or stream.

namespace FlowBP.Surrogates;

/// <summary>What an evaluation left behind for a later pullback of some of its samples. Owns its tensors.</summary>
/// <param name="states">
/// Moving streams at the input of each segment but the first (which the embedding gives), without gradients; every tensor is
/// [n, …].
/// </param>
/// <param name="negative">That of the negative branch of guidance, of the same samples; null: it is not pulled back.</param>
public sealed class KeptForward(IReadOnlyList<IReadOnlyList<Tensor>> states, KeptForward? negative = null) : IDisposable
{
    /// <summary>By segment, from the second on, then by stream.</summary>
    public IReadOnlyList<IReadOnlyList<Tensor>> States { get; } = states;

    /// <summary>That of the negative branch, or null.</summary>
    public KeptForward? Negative { get; } = negative;

    /// <summary>Bytes of the tensors, negative branch included.</summary>
    public long Bytes =>
        States.Sum(streams => streams.Sum(stream => stream.numel() * stream.element_size())) + (Negative?.Bytes ?? 0);

    /// <summary>Some samples, in the order asked for: views where they are consecutive (they must not outlive this), else copies.</summary>
    /// <param name="rows">Positions among the kept samples.</param>
    public KeptForward Select(IReadOnlyList<int> rows)
    {
        using var made = new DetachedTensors();
        KeptForward selected = new(Made(made, stream => Select(stream, rows)), Negative?.Select(rows));
        made.Finish();
        return selected;
    }

    /// <summary>Samples one after the other; copies.</summary>
    /// <param name="parts">Of the same network and segments.</param>
    public static KeptForward Concat(IReadOnlyList<KeptForward> parts)
    {
        using var made = new DetachedTensors();
        Tensor[][] states =
        [
            .. parts[0]
                .States.Select(
                    (streams, segment) =>
                        (Tensor[])
                            [
                                .. streams.Select(
                                    (_, i) => made.Add(torch.cat([.. parts.Select(part => part.States[segment][i])], 0))
                                ),
                            ]
                ),
        ];
        KeptForward joined = new(
            states,
            parts[0].Negative is null ? null : Concat([.. parts.Select(part => part.Negative!)])
        );
        made.Finish();
        return joined;
    }

    /// <summary>Copies of some samples, without the negative branch or with another one.</summary>
    internal KeptForward Copy(IReadOnlyList<int> rows, KeptForward? negative = null)
    {
        using var made = new DetachedTensors();
        KeptForward copy = new(Made(made, stream => Copy(stream, rows)), negative);
        made.Finish();
        return copy;
    }

    /// <summary>The same tensors without the negative branch; they stay this object's.</summary>
    internal KeptForward WithoutNegative() => new(States);

    /// <summary>Rows of a stream as a tensor that outlives the stream and every dispose scope.</summary>
    internal static Tensor Copy(Tensor stream_B, IReadOnlyList<int> rows)
    {
        using var selected_n = Select(stream_B, rows);
        return (IsConsecutive(rows) ? selected_n.clone() : selected_n.alias()).DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var stream in States.SelectMany(streams => streams))
        {
            stream.Dispose();
        }
        Negative?.Dispose();
    }

    // Of every stream of every segment.
    private Tensor[][] Made(DetachedTensors made, Func<Tensor, Tensor> make) =>
        [.. States.Select(streams => (Tensor[])[.. streams.Select(stream => made.Add(make(stream)))])];

    private static Tensor Select(Tensor stream_B, IReadOnlyList<int> rows)
    {
        if (IsConsecutive(rows))
        {
            return stream_B.narrow(0, rows[0], rows.Count).DetachFromDisposeScope();
        }
        using var index = torch.tensor(rows.Select(row => (long)row).ToArray(), device: stream_B.device);
        return stream_B.index_select(0, index).DetachFromDisposeScope();
    }

    private static bool IsConsecutive(IReadOnlyList<int> rows) =>
        rows.Count > 0 && rows.Select((row, i) => row == rows[0] + i).All(follows => follows);
}

/// <summary>Asks an evaluation to keep the forward of some of its samples.</summary>
/// <param name="rows">Which, as ascending positions in the batch of that evaluation; at least one.</param>
public sealed class ForwardTrace(IReadOnlyList<int> rows)
{
    /// <summary>The samples to keep, as positions in the batch.</summary>
    public IReadOnlyList<int> Rows { get; } = rows;

    /// <summary>Their forward, once the evaluation has returned; whoever asked owns it.</summary>
    public KeptForward? Kept { get; set; }
}
