// A GPU takes three things that are found apart: a libtorch with CUDA, NVIDIA's driver, and NVRTC. Whether all of them work is
// known only when the kernels have been compiled and loaded, so that happens here and not in the middle of a run; they are in the
// cache after the first time.

using FlowBP.Cuda;
using FlowBP.Kernels;
using FlowBP.Kernels.Cuda;

namespace FlowBP.Training.Devices;

/// <summary>This project's kernels on one of libtorch's GPUs, queued on libtorch's stream.</summary>
internal sealed class GpuKernels : IDisposable
{
    private readonly CudaDriver driver;
    private readonly KernelLibrary library;
    private readonly CudaLatentKernels latents;
    private readonly int index;

    private GpuKernels(CudaDriver driver, NvrtcLibrary nvrtc, int index)
    {
        this.driver = driver;
        this.index = index;
        library = new(
            driver,
            EmbeddedKernels.Sources,
            new KernelCompiler(nvrtc),
            CompiledKernelCache.OfThisUser(),
            index
        );
        foreach (var name in EmbeddedKernels.Sources.Names)
        {
            library.Module(name);
        }
        var kernels = EmbeddedKernels.In(library);
        latents = new(driver, kernels, () => CudaStream.Current(index), index);
        Rollout = new CudaRolloutKernels(driver, kernels, () => CudaStream.Current(index), index);
    }

    /// <summary>Operations on latents and parameters.</summary>
    public ILatentKernels Latents => latents;

    /// <summary>Operations of a rollout.</summary>
    public IRolloutKernels Rollout { get; }

    /// <summary>Opens a GPU.</summary>
    /// <param name="index">Its number, libtorch's and the driver's.</param>
    /// <exception cref="DeviceUnavailableException">Something is missing.</exception>
    public static GpuKernels Open(int index)
    {
        if (!CudaDriver.TryOpen(out var driver, out var obstacle, index))
        {
            throw new DeviceUnavailableException(obstacle.Message);
        }
        try
        {
            if (TorchLibrary.CudaDevices <= index)
            {
                throw new DeviceUnavailableException(
                    $"the NVIDIA driver shows GPU {index}, but this libtorch can't use it: most likely it was built without"
                        + $" CUDA (flowbp doctor says which libtorch it is); {TorchLibrary.WithCuda}"
                );
            }
            if (!NvrtcLibrary.TryFind(out var nvrtc, out var reason, driver.Version))
            {
                throw new DeviceUnavailableException(OneLine(reason));
            }
            return new(driver, nvrtc, index);
        }
        catch (Exception e) when (e is KernelCompilationException or CudaException)
        {
            driver.Dispose();
            throw new DeviceUnavailableException(
                $"this program's kernels don't run on GPU {index}: {OneLine(e.Message)}",
                e
            );
        }
        catch
        {
            driver.Dispose();
            throw;
        }
    }

    /// <summary>Whether all that was queued on a stream has been done.</summary>
    /// <param name="stream">CUDA's own handle; 0 is the default stream.</param>
    public bool IsIdle(nint stream) => driver.IsIdle(stream);

    /// <summary>Waits for everything that is queued.</summary>
    public void Synchronize() => driver.Synchronize(CudaStream.Current(index));

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            Synchronize();
            latents.Dispose();
            library.Dispose();
        }
        catch (CudaException)
        {
            // After a kernel that failed nothing can be given back, and that failure has been reported.
        }
        driver.Dispose();
    }

    private static string OneLine(string text) =>
        string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
