// What the compiler gave a kernel. Local memory is where registers spill to: a kernel that is bound by memory can't afford it.

namespace FlowBP.Cuda;

/// <summary>What a kernel needs of a multiprocessor.</summary>
/// <param name="Registers">Registers per thread.</param>
/// <param name="SharedBytes">Static shared memory per block.</param>
/// <param name="LocalBytes">Local memory per thread: spilled registers and arrays that are indexed at run time.</param>
/// <param name="ConstantBytes">Constant memory that the module declares itself.</param>
/// <param name="MaxThreadsPerBlock">Most threads of a block that this kernel can be launched with.</param>
public sealed record KernelResources(
    int Registers,
    int SharedBytes,
    int LocalBytes,
    int ConstantBytes,
    int MaxThreadsPerBlock
);
