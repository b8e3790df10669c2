// The libtorch of TorchSharp's packages has its BLAS built in, without a thread pool that could be set apart.

namespace FlowBP.Torch;

/// <summary>The thread pool of the matrix products: that of <see cref="torch.set_num_threads"/>, and none of its own.</summary>
public static class BlasThreads
{
    /// <summary>Null: the BLAS has no pool of its own.</summary>
    public static int? Count => null;

    /// <summary>Null: the BLAS does not say which kernels it chose.</summary>
    public static string? Kernels => null;

    /// <summary>Sets nothing.</summary>
    /// <param name="threads">At least 1.</param>
    public static IDisposable Use(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        return new Nothing();
    }

    private sealed class Nothing : IDisposable
    {
        public void Dispose() { }
    }
}
