// A record of what was asked of the driver, in order: tests of the host's side read it.

namespace FlowBP.Cuda.Interpreter;

/// <summary>Kinds of work that goes to a stream.</summary>
public enum DriverOperationKind
{
    /// <summary>A kernel.</summary>
    Launch,

    /// <summary>A copy to the device.</summary>
    CopyToDevice,

    /// <summary>A copy to the host.</summary>
    CopyToHost,

    /// <summary>Setting bytes.</summary>
    Fill,

    /// <summary>Waiting for the stream.</summary>
    Synchronize,
}

/// <summary>Something that was queued on a stream.</summary>
/// <param name="Kind">What.</param>
/// <param name="Stream">CUstream.</param>
/// <param name="Name">The kernel; empty for anything else.</param>
/// <param name="Grid">Blocks of the kernel.</param>
/// <param name="Block">Threads of a block.</param>
/// <param name="Bytes">Size of a copy, or dynamic shared memory of a kernel.</param>
public sealed record DriverOperation(
    DriverOperationKind Kind,
    nint Stream,
    string Name,
    Dim3 Grid,
    Dim3 Block,
    long Bytes
);
