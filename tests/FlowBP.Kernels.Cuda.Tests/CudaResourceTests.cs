// Every kernel through the real compiler for every architecture: not a word of warning, nothing spilled, and few enough
// registers that the blocks that the host asks for find room.

using FlowBP.Cuda.Tests;

namespace FlowBP.Kernels.Cuda.Tests;

public sealed class CudaResourceTests
{
    // Two blocks of 256 threads on a multiprocessor's 65536 registers, with room to spare: loads in flight are registers.
    private const int MostRegisters = 96;

    [TestCase(8, 0)]
    [TestCase(9, 0)]
    [TestCase(10, 0)]
    public void Compiles_without_a_word_spills_nothing_and_stays_within_its_registers(int major, int minor)
    {
        var compiler = Requirement.Compiler();
        var architecture = new ComputeCapability(major, minor);
        if (!compiler.Library.SupportedArchitectures.Contains(architecture))
        {
            Assert.Ignore(
                $"NVRTC {compiler.Library.Version} can't compile for {architecture}: a newer one can (FLOWBP_NVRTC)"
            );
        }
        var target = new KernelTarget(architecture, KernelCodeKind.Cubin);
        using (Assert.EnterMultipleScope())
        {
            foreach (var (file, kernels) in CudaKernelNames.ByFile)
            {
                var code = compiler.Compile(EmbeddedKernels.Sources.Source($"{file}.cu"), target);
                Assert.That(code.Log, Is.Empty, file);
                var resources = CubinResources.Of(code.Image.Span);
                // Beside the kernels there are the functions that the compiler calls, a slow path of division, as $kernel$name.
                Assert.That(resources.Values.Select(taken => taken.FrameBytes), Is.All.Zero, $"{file} spills");
                foreach (var kernel in kernels)
                {
                    Assert.That(
                        resources.GetValueOrDefault(kernel).Registers,
                        Is.InRange(1, MostRegisters),
                        $"registers of {kernel}"
                    );
                }
            }
        }
    }

    [Test]
    public void A_kernel_that_spills_is_found()
    {
        // An array that is indexed by what only the launch knows has to lie on the stack.
        const string text = """
            extern "C" __global__ void stacked(float *out, const int *index)
            {
                float values[64];
                for (int i = 0; i < 64; i++)
                    values[index[i] & 63] = out[i];
                out[threadIdx.x] = values[index[threadIdx.x] & 63];
            }
            """;
        var code = Requirement
            .Compiler()
            .Compile(
                new KernelSource("stacked.cu", text),
                new KernelTarget(new ComputeCapability(8, 0), KernelCodeKind.Cubin)
            );
        var taken = CubinResources.Of(code.Image.Span)["stacked"];
        Assert.That(taken.FrameBytes, Is.GreaterThanOrEqualTo(256));
        Assert.That(taken.Registers, Is.GreaterThan(0));
    }
}
