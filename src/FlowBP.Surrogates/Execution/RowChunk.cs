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

/// <summary>Some samples and their conditioning, selected once and used at every step.</summary>
internal sealed class RowChunk : IDisposable
{
    // A view of the batch's, or a copy; what guidance joins for it is freed with it.
    private readonly Conditioning conditioning;
    private readonly Tensor? index;

    public RowChunk(int[] rows, Conditioning conditioning)
    {
        Rows = rows;
        this.conditioning = conditioning.Select(rows);
        if (rows.Length != conditioning.Batch)
        {
            index = torch.tensor(rows.Select(row => (long)row).ToArray(), device: conditioning.Device);
        }
    }

    public int[] Rows { get; }

    public void Evaluate(IVelocityField field, double time, Tensor x_B, Tensor v_B, ForwardTrace? trace)
    {
        using var scope = torch.NewDisposeScope();
        var (input_B, sigma_B) = Inputs(x_B, time);
        var velocity_B = Checked(field.Evaluate(input_B, sigma_B, conditioning, trace), input_B);
        if (index is null)
        {
            v_B.copy_(velocity_B);
        }
        else
        {
            v_B.index_copy_(0, index, velocity_B.to(v_B.dtype));
        }
    }

    public void Step(
        IVelocityField field,
        IRolloutKernels kernels,
        double time,
        double step,
        Tensor x_B,
        Tensor v_B,
        Tensor next_B,
        ForwardTrace? trace
    )
    {
        using var scope = torch.NewDisposeScope();
        var (input_B, sigma_B) = Inputs(x_B, time);
        var (conditional_B, negative_B) = field.EvaluateBranches(input_B, sigma_B, conditioning, trace);
        conditional_B = Narrow(Checked(conditional_B, input_B));
        negative_B = negative_B is null ? null : Narrow(Checked(negative_B, input_B));
        kernels.GuidedEulerStep(
            LatentBuffers.OfRows(conditional_B, kernels.DeviceIndex),
            negative_B is null ? null : LatentBuffers.OfRows(negative_B, kernels.DeviceIndex),
            field.Scale,
            Rows,
            LatentBuffers.OfRows(x_B, kernels.DeviceIndex),
            step,
            LatentBuffers.OfRows(v_B, kernels.DeviceIndex),
            LatentBuffers.OfRows(next_B, kernels.DeviceIndex)
        );
        GC.KeepAlive(conditional_B);
        GC.KeepAlive(negative_B);
        GC.KeepAlive(x_B);
        GC.KeepAlive(v_B);
        GC.KeepAlive(next_B);
    }

    private (Tensor Input_B, Tensor Sigma_B) Inputs(Tensor x_B, double time) =>
        (
            index is null ? x_B : x_B.index_select(0, index),
            torch.full([Rows.Length], time, AccumulationType.Of(x_B), x_B.device)
        );

    private static Tensor Checked(Tensor velocity_B, Tensor input_B) =>
        TensorChecks.Shaped("the velocity", velocity_B, input_B.shape, "as the latents x_B");

    private static Tensor Narrow(Tensor velocity_B) =>
        (velocity_B.dtype == ScalarType.BFloat16 ? velocity_B : velocity_B.to(ScalarType.Float32)).contiguous();

    public void Dispose()
    {
        conditioning.Dispose();
        index?.Dispose();
    }
}
