// Tensors of libtorch filled without its generators, so that both sides of a comparison work on the same memory.

using FlowBP.Kernels;

namespace FlowBP.Benchmarks;

internal static unsafe class BenchmarkLatents
{
    /// <summary>A bf16 tensor [T, B, E] of numbers of both signs with magnitudes in [0.5, 1).</summary>
    internal static Tensor BFloat16(long steps, long batch, long elements)
    {
        var tensor = torch.zeros([steps, batch, elements], dtype: ScalarType.BFloat16);
        var bits = (ushort*)TensorPointer.Of(tensor);
        Parallel.For(
            0,
            steps,
            step =>
            {
                for (var i = step * batch * elements; i < (step + 1) * batch * elements; i++)
                {
                    var scrambled = (uint)((ulong)i * 0x9E3779B97F4A7C15ul >> 40);
                    bits[i] = (ushort)(0x3F00 | (scrambled & 0x807F));
                }
            }
        );
        return tensor;
    }

    /// <summary>A view for the kernels.</summary>
    internal static LatentBuffer View(Tensor tensor_TBE) => LatentBuffers.OfSteps(tensor_TBE, deviceIndex: null);
}
