// What a compiler makes of a source: machine code for one architecture, or PTX, which the driver compiles further.

namespace FlowBP.Cuda;

/// <summary>The form of compiled code.</summary>
public enum KernelCodeKind
{
    /// <summary>Machine code for one architecture.</summary>
    Cubin,

    /// <summary>Text for every architecture from one on.</summary>
    Ptx,
}

/// <summary>Compiled kernels, as the driver loads them.</summary>
/// <param name="Kind">What the image is.</param>
/// <param name="Image">The image; PTX without its terminating zero.</param>
/// <param name="Log">What the compiler said: warnings, and what options asked for. Empty where it said nothing.</param>
public sealed record KernelCode(KernelCodeKind Kind, ReadOnlyMemory<byte> Image, string Log);
