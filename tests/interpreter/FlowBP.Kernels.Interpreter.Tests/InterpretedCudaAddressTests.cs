// Addresses of large tensors as the compiled kernels compute them: a product taken in 32 bits would go wrong here.

using System.Runtime.InteropServices;
using FlowBP.Cuda.Interpreter;

namespace FlowBP.Kernels.Cuda.Tests;

public unsafe class InterpretedCudaAddressTests
{
    [Test]
    public void Offsets_beyond_two_to_the_31_elements_are_addressed()
    {
        // 4.3 GB of address space, of which three latents are ever touched.
        const long Elements = 1 << 14;
        const long Steps = (1L << 17) + 2;
        const int Last = (int)Steps - 1;
        var bytes = Steps * Elements * sizeof(ushort);
        using var target = InterpretedKernels.Target(scheduleSeed: null);
        var driver = (PtxInterpreter)target.Driver;
        byte* memory;
        try
        {
            memory = (byte*)NativeMemory.Alloc((nuint)bytes);
        }
        catch (OutOfMemoryException)
        {
            Assert.Ignore($"this machine grants no {bytes} bytes of address space");
            return;
        }
        try
        {
            driver.MapHostMemory((nint)memory, bytes);
            var cache = new LatentBuffer(memory, LatentType.BFloat16, Steps, 1, Elements);
            for (var e = 0; e < Elements; e++)
            {
                BFloat16Storage.Write(cache.AddressOf(Last, 0, e), 3);
                BFloat16Storage.Write(cache.AddressOf(Last - 1, 0, e), 1);
            }
            target.Latents.Replay(cache, [Last], cache, [Last - 1], [2], cache.AtStep(Last - 2));
            for (var e = 0; e < Elements; e++)
            {
                Assert.That(BFloat16Storage.Read(cache.AddressOf(Last - 2, 0, e)), Is.EqualTo(5));
            }
        }
        finally
        {
            driver.UnmapHostMemory((nint)memory);
            NativeMemory.Free(memory);
        }
    }
}
