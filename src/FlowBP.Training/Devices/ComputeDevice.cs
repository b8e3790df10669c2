// Where a run computes, decided once: everything that has to know whether tensors are on a GPU (kernels, memory figures, waiting)
// asks this object, and nothing else asks libtorch.

using FlowBP.Kernels;
using FlowBP.Settings;

namespace FlowBP.Training.Devices;

/// <summary>A device, and the fused operations on its memory.</summary>
public sealed class ComputeDevice : IDisposable
{
    // More threads than this leave parts too small for a batch of the usual sizes.
    private const int MostCpuWorkers = 8;

    private readonly GpuKernels? gpu;

    private ComputeDevice(Device device, GpuKernels? gpu)
    {
        Device = device;
        this.gpu = gpu;
        Kernels = gpu?.Latents ?? new CpuLatentKernels();
        PeakMemory = new PeakMemoryMeter(device);
    }

    /// <summary>Threads that share a batch on this machine's CPU where nothing else is asked for.</summary>
    public static int UsualCpuWorkers => Math.Clamp(Environment.ProcessorCount, 1, MostCpuWorkers);

    /// <summary>This machine's CPU.</summary>
    public static ComputeDevice Cpu { get; } = new(torch.CPU, null);

    /// <summary>Where tensors belong.</summary>
    public Device Device { get; }

    /// <summary>Name of the device, as it would be typed: <c>cpu</c>, <c>cuda:0</c>.</summary>
    public string Name => Device.ToString();

    /// <summary>Whether it is a GPU.</summary>
    public bool IsGpu => Device.type == DeviceType.CUDA;

    /// <summary>Operations on latents and parameters.</summary>
    public ILatentKernels Kernels { get; }

    /// <summary>Operations of a rollout; null on a CPU, where libtorch's own are as good.</summary>
    public IRolloutKernels? RolloutKernels => gpu?.Rollout;

    /// <summary>Tells how much memory a step takes here.</summary>
    public PeakMemoryMeter PeakMemory { get; }

    /// <summary>Opens a device.</summary>
    /// <param name="name">Its name; <see cref="DeviceName.Automatic"/>: the first GPU, or the CPU where that can't be used.</param>
    /// <param name="notice">Hears why the CPU has to do the work where the choice was left to the machine.</param>
    /// <exception cref="DeviceUnavailableException">A GPU was asked for, and can't be had.</exception>
    /// <exception cref="InvalidSettingException">There is no such name.</exception>
    public static ComputeDevice Open(string name, Action<string>? notice = null) => Open(name, GpuKernels.Open, notice);

    internal static ComputeDevice Open(string name, Func<int, GpuKernels> open, Action<string>? notice)
    {
        switch (name)
        {
            case DeviceName.Cpu:
                return Cpu;
            case DeviceName.Automatic:
                try
                {
                    return OfGpu(0, open);
                }
                catch (DeviceUnavailableException e)
                {
                    notice?.Invoke($"computing on the CPU: {e.Message}");
                    return Cpu;
                }
            default:
                var index =
                    DeviceName.GpuIndex(name)
                    ?? throw new InvalidSettingException(
                        $"'{name}' is not a device; expected auto, cpu, cuda or cuda:N"
                    );
                try
                {
                    return OfGpu(index, open);
                }
                catch (DeviceUnavailableException e)
                {
                    throw new DeviceUnavailableException($"device {name} can't be used: {e.Message}", e);
                }
        }
    }

    /// <summary>Whether all that was queued on a CUDA stream has been done; a CPU queues nothing.</summary>
    /// <param name="stream">CUDA's own handle; 0 is the default stream.</param>
    public bool IsIdle(nint stream) => gpu?.IsIdle(stream) ?? true;

    /// <summary>Waits for the device's queued work; a CPU has none.</summary>
    public void Synchronize() => gpu?.Synchronize();

    /// <summary>Gives back what was opened; tensors stay.</summary>
    public void Dispose() => gpu?.Dispose();

    // The driver is asked before libtorch: TorchSharp has no name for a device that is not there.
    private static ComputeDevice OfGpu(int index, Func<int, GpuKernels> open)
    {
        var gpu = open(index);
        try
        {
            return new(torch.device(DeviceType.CUDA, index), gpu);
        }
        catch
        {
            gpu.Dispose();
            throw;
        }
    }
}
