namespace FlowBP.Benchmarks.Gpu;

/// <summary>A result that libtorch allocates anew in each run: copying it to a fixed place would be charged to libtorch.</summary>
internal sealed class FreshResult : IDisposable
{
    private Tensor? _tensor;

    /// <summary>The last one.</summary>
    public Tensor Tensor => _tensor ?? throw new InvalidOperationException("nothing has been computed yet");

    /// <summary>Takes a tensor out of its scope; the one before is freed.</summary>
    public void Keep(Tensor tensor)
    {
        _tensor?.Dispose();
        _tensor = tensor.DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => _tensor?.Dispose();
}
