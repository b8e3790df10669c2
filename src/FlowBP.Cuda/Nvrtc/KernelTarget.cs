// What to compile for. Machine code is best where NVRTC knows the device; a device newer than NVRTC runs PTX of the newest
// architecture that both know.

namespace FlowBP.Cuda;

/// <summary>What code is compiled for.</summary>
/// <param name="Architecture">The architecture.</param>
/// <param name="Kind">Machine code or PTX.</param>
public readonly record struct KernelTarget(ComputeCapability Architecture, KernelCodeKind Kind)
{
    /// <summary>The option of NVRTC: "--gpu-architecture=sm_90", or with a virtual architecture for PTX.</summary>
    internal string Option =>
        $"--gpu-architecture={(Kind == KernelCodeKind.Cubin ? "sm" : "compute")}_{Architecture.Number}";

    /// <summary>The best that a compiler can do for a device.</summary>
    /// <param name="device">The device's architecture.</param>
    /// <param name="supported">What the compiler can compile for.</param>
    /// <param name="compiler">What the compiler is, for the message.</param>
    /// <exception cref="KernelCompilationException">The device is older than everything that it can compile for.</exception>
    internal static KernelTarget For(
        ComputeCapability device,
        IReadOnlyList<ComputeCapability> supported,
        string compiler
    )
    {
        if (supported.Contains(device))
        {
            return new(device, KernelCodeKind.Cubin);
        }
        var older = supported.Where(architecture => architecture.Number < device.Number).ToList();
        return older.Count > 0
            ? new(older.MaxBy(architecture => architecture.Number), KernelCodeKind.Ptx)
            : throw KernelCompilationException.ForArchitecture(device, supported, compiler);
    }

    /// <inheritdoc/>
    public override string ToString() =>
        Kind == KernelCodeKind.Cubin ? Architecture.ToString() : $"PTX of compute_{Architecture.Number}";
}
