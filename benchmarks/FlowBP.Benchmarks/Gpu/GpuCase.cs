namespace FlowBP.Benchmarks.Gpu;

/// <summary>
/// One operation on tensors of one size: as one fused kernel, and as the operations of libtorch that it replaces. Both read the
/// same inputs and have results of their own.
/// </summary>
internal sealed class GpuCase : IDisposable
{
    /// <summary>Name of the kernel.</summary>
    public required string Name { get; init; }

    /// <summary>Shape and type, for the report.</summary>
    public required string Shape { get; init; }

    /// <summary>Bytes that the fused operation reads and writes.</summary>
    public required double Bytes { get; init; }

    /// <summary>The tensors of both; disposed with the case.</summary>
    public required IReadOnlyList<IDisposable> Owned { get; init; }

    /// <summary>Runs the fused kernel.</summary>
    public required Action Fused { get; init; }

    /// <summary>Runs the operations of libtorch.</summary>
    public required Action Eager { get; init; }

    /// <summary>What <see cref="Fused"/> left; not to be disposed.</summary>
    public required Func<IReadOnlyList<Tensor>> FusedResults { get; init; }

    /// <summary>What <see cref="Eager"/> left; not to be disposed.</summary>
    public required Func<IReadOnlyList<Tensor>> EagerResults { get; init; }

    /// <summary>
    /// How far apart the two may be, relative to the largest element: libtorch rounds after each operation, the kernel once.
    /// </summary>
    public required double Tolerance { get; init; }

    /// <summary>Puts back what is updated in place.</summary>
    public Action Restore { get; init; } = () => { };

    /// <summary>Whether the fused kernel waits for nothing, so that a graph can hold it.</summary>
    public bool CanBeCaptured { get; init; } = true;

    /// <summary>The bytes of all fused results, after a run from the inputs as they were made.</summary>
    public byte[] FusedBytes()
    {
        Restore();
        Fused();
        return [.. FusedResults().SelectMany(BytesOf)];
    }

    private static byte[] BytesOf(Tensor tensor)
    {
        using var host = tensor.cpu().contiguous();
        var bytes = new byte[host.numel() * host.element_size()];
        System.Runtime.InteropServices.Marshal.Copy(TensorPointer.Of(host), bytes, 0, bytes.Length);
        return bytes;
    }

    /// <summary>The largest distance between a fused and an eager result, relative to the largest element.</summary>
    public double Distance()
    {
        Restore();
        Fused();
        using var scope = torch.NewDisposeScope();
        var fused = FusedResults().Select(tensor => tensor.to(ScalarType.Float64, copy: true)).ToArray();
        Restore();
        Eager();
        return fused.Zip(EagerResults(), Distance).Max();
    }

    private static double Distance(Tensor fused, Tensor eager)
    {
        var expected = eager.to(ScalarType.Float64);
        var largest = Math.Max(expected.abs().max().cpu().item<double>(), 1e-30);
        return (fused - expected).abs().max().cpu().item<double>() / largest;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var owned in Owned)
        {
            owned.Dispose();
        }
    }
}
