// Results don't depend on the order in which a device runs blocks and warps: the kernels whose blocks depend on each other, in
// orders drawn by seeds.

namespace FlowBP.Kernels.Cuda.Tests;

public class InterpretedCudaScheduleTests
{
    [Test]
    public void Residuals_and_norms_have_the_same_bits_in_every_schedule([Values(1, 2, 3)] int seed)
    {
        using var target = InterpretedKernels.Target(seed);
        new QuadratureCase(LatentType.BFloat16, 2, 16384, 3).Check(target);
        new QuadratureCase(LatentType.Float32, 1, 65536 + 256, 0).Check(target);
        new NormCase([(LatentType.Float32, 65536 + 1), (LatentType.BFloat16, 4099)]).Check(target);
    }
}
