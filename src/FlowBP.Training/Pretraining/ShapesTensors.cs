// Where the embedded world's managed arrays become tensors.

using System.Runtime.InteropServices;
using FlowBP.RandomStreams;
using FlowBP.Shapes;

namespace FlowBP.Training.Pretraining;

/// <summary>Tensors from pictures and random streams.</summary>
internal static class ShapesTensors
{
    /// <summary>[B, 3, 32, 32] in [0, 1] from as many floats.</summary>
    public static Tensor Images(float[] images) =>
        torch.tensor(images, [images.Length / Scene.ImageLength, 3, Scene.Size, Scene.Size]);

    /// <summary>Standard normal numbers of a shape, one stream for all.</summary>
    public static Tensor Normal(long[] shape, ulong seed, long step, RandomPurpose purpose)
    {
        var tensor = torch.empty(shape, ScalarType.Float32);
        RandomStream.For(seed, step, 0, purpose).FillNormal(MemoryMarshal.Cast<byte, float>(tensor.bytes));
        return tensor;
    }
}
