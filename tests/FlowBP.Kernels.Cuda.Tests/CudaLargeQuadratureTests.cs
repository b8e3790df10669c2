// Sizes that need every level of sums, and every bit of an offset.

namespace FlowBP.Kernels.Cuda.Tests;

/// <summary>What takes too long to be repeated on every target.</summary>
public class CudaLargeQuadratureTests
{
    [Test]
    public unsafe void A_sample_may_need_three_levels_of_sums()
    {
        // More than 256³ elements: blocks, groups of blocks, groups of groups. x_0 and its target differ by 2^-8 in a few
        // elements of the first and of the last group, so the sum is exact in any order, but needs all of it.
        const long Elements = (1 << 24) + 256 + 8;
        using var target = CudaTarget.Emulated("reverse");
        var memory = target.Driver.Allocate(2 * Elements * sizeof(ushort));
        target.Driver.Fill(memory, 0, 2 * Elements * sizeof(ushort), stream: 0);
        var different = BitConverter.GetBytes(BFloat16Bits.FromSingle(MathF.ScaleB(1, -8)));
        foreach (var e in new[] { 0, 70_000, (1 << 24) - 1, 1 << 24, Elements - 1 })
        {
            target.Driver.CopyToDevice(memory + (nint)((Elements + e) * sizeof(ushort)), different, stream: 0);
        }
        var x = new LatentBuffer((void*)memory, LatentType.BFloat16, 2, 1, Elements);
        var residual = new double[1];
        target.Latents.QuadratureResidual(x, [0], x, [], [], [1], residual);
        Assert.That(residual[0], Is.EqualTo(Math.ScaleB(5, -8) / Elements));
        target.Driver.Free(memory);
    }

    [Test]
    public unsafe void Offsets_beyond_two_to_the_31_elements_are_addressed()
    {
        // 4.3 GB of address space of which three latents are ever touched, so the rest costs no memory.
        var elements = 1L << 14;
        var steps = (1L << 17) + 2;
        using var target = CudaTarget.Emulated("forward");
        byte* memory;
        try
        {
            memory = (byte*)
                System.Runtime.InteropServices.NativeMemory.Alloc((nuint)(steps * elements * sizeof(ushort)));
        }
        catch (OutOfMemoryException)
        {
            Assert.Ignore($"this machine grants no {steps * elements * sizeof(ushort)} bytes of address space");
            return;
        }
        try
        {
            var cache = new LatentBuffer(memory, LatentType.BFloat16, steps, 1, elements);
            var last = (int)(steps - 1);
            for (var e = 0; e < elements; e++)
            {
                BFloat16Storage.Write(cache.AddressOf(last, 0, e), 3);
                BFloat16Storage.Write(cache.AddressOf(last - 1, 0, e), 1);
            }
            target.Latents.Replay(cache, [last], cache, [last - 1], [2], cache.AtStep(last - 2));
            for (var e = 0; e < elements; e++)
            {
                Assert.That(BFloat16Storage.Read(cache.AddressOf(last - 2, 0, e)), Is.EqualTo(5));
            }
        }
        finally
        {
            System.Runtime.InteropServices.NativeMemory.Free(memory);
        }
    }
}
