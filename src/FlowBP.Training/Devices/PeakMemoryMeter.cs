// What tells the memory that a step takes differs by device, by libtorch and by system; a figure goes with what it counts.

namespace FlowBP.Training.Devices;

/// <summary>A high-water mark of memory.</summary>
public sealed class PeakMemoryMeter
{
    private readonly Device device;
    private readonly bool isGpu;

    // Some containers do not let a process start its high-water mark anew.
    private bool processPeakIsOfStep = true;

    internal PeakMemoryMeter(Device device)
    {
        this.device = device;
        isGpu = device.type == DeviceType.CUDA;
    }

    /// <summary>The high-water mark since <see cref="Reset"/>, of what <see cref="Counts"/> says; null: nobody tells.</summary>
    public long? Bytes =>
        Counts switch
        {
            PeakMemoryKind.Tensors => isGpu ? CudaMemory.Of(device.index)?.PeakAllocatedBytes : NativeMemory.PeakBytes,
            PeakMemoryKind.Process => ProcessMemory.PeakBytes,
            _ => null,
        };

    /// <summary>What <see cref="Bytes"/> counts.</summary>
    public PeakMemoryKind Counts =>
        isGpu
            ? CudaMemory.Of(device.index) is null
                ? PeakMemoryKind.Unknown
                : PeakMemoryKind.Tensors
            : NativeMemory.PeakBytes is not null
                ? PeakMemoryKind.Tensors
                : processPeakIsOfStep
                    ? PeakMemoryKind.Process
                    : PeakMemoryKind.Unknown;

    /// <summary>Starts a new high-water mark.</summary>
    public void Reset()
    {
        if (isGpu)
        {
            CudaMemory.ResetPeak(device.index);
        }
        else if (NativeMemory.PeakBytes is not null)
        {
            NativeMemory.ResetPeak();
        }
        else
        {
            processPeakIsOfStep = ProcessMemory.ResetPeak();
        }
    }
}
