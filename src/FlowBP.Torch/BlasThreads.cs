using System.Runtime.InteropServices;
using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

/// <summary>
/// The thread pool of the matrix products. OpenBLAS has one of its own, for the whole process; the threads of any other
/// BLAS are those of <see cref="torch.set_num_threads"/>.
/// </summary>
public static unsafe class BlasThreads
{
    /// <summary>Threads of OpenBLAS's pool; null where the BLAS is another one.</summary>
    public static int? Count => NativeMethods.flowbp_blas_threads_get() is > 0 and var threads ? threads : null;

    /// <summary>The processor that OpenBLAS chose its kernels for; null where the BLAS is another one.</summary>
    public static string? Kernels =>
        Marshal.PtrToStringUTF8((nint)NativeMethods.flowbp_blas_kernels()) is { Length: > 0 } name ? name : null;

    /// <summary>Sets the size of OpenBLAS's pool until the result is disposed; nothing where the BLAS is another one.</summary>
    /// <param name="threads">At least 1.</param>
    public static IDisposable Use(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        return new Restore(threads);
    }

    private sealed class Restore : IDisposable
    {
        private readonly int? before = Count;
        private bool disposed;

        public Restore(int threads) => NativeMethods.flowbp_blas_threads_set(threads);

        public void Dispose()
        {
            if (!disposed && before is { } count)
            {
                NativeMethods.flowbp_blas_threads_set(count);
            }
            disposed = true;
        }
    }
}
