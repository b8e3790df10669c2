// What NVRTC makes of the kernels, instruction by instruction.

namespace FlowBP.Kernels.Cuda.Tests;

internal sealed partial class CudaTarget
{
    private static readonly Dictionary<string, Func<CudaTarget>> Factories = new()
    {
        ["PTX interpreter"] = () => InterpretedKernels.Target(scheduleSeed: null),
    };
}
