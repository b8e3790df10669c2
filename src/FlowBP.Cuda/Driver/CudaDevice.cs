// What a launch heuristic, a benchmark's record and a message need to know of a GPU.

namespace FlowBP.Cuda;

/// <summary>Properties of a device.</summary>
/// <param name="Ordinal">Its number among the devices that the driver shows to this process.</param>
/// <param name="Name">As the driver gives it: "NVIDIA H100 80GB HBM3".</param>
/// <param name="Architecture">Its compute capability.</param>
/// <param name="MultiprocessorCount">Number of multiprocessors.</param>
/// <param name="L2Bytes">Size of its L2 cache.</param>
/// <param name="MemoryBytes">Size of its memory.</param>
/// <param name="MaxThreadsPerBlock">Most threads that a block may have.</param>
/// <param name="MaxSharedBytesPerBlock">Most shared memory that a block may have where its kernel asks for it (opt-in).</param>
public sealed record CudaDevice(
    int Ordinal,
    string Name,
    ComputeCapability Architecture,
    int MultiprocessorCount,
    long L2Bytes,
    long MemoryBytes,
    int MaxThreadsPerBlock,
    int MaxSharedBytesPerBlock
);
