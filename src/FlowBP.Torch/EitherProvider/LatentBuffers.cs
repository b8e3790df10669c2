// Where tensors become what the kernels take, latents and gradients here, tokens in TokenBuffers: an address, a type, sizes. With
// either provider of the TorchSharp API, since TensorPointer exists for both.

using FlowBP.Kernels;

namespace FlowBP.Torch;

/// <summary>Views of tensors for <see cref="ILatentKernels"/>. The caller keeps the tensors alive during the call.</summary>
public static unsafe class LatentBuffers
{
    /// <summary>A contiguous tensor [T, B, …], where the kernels work, as [T, B, E].</summary>
    /// <param name="tensor_TB">BFloat16, Float32 or Float64.</param>
    /// <param name="deviceIndex">Number of the kernels' GPU; null: main memory.</param>
    /// <exception cref="ArgumentException">The tensor is elsewhere, strided or of another type.</exception>
    public static LatentBuffer OfSteps(torch.Tensor tensor_TB, int? deviceIndex) =>
        Of(tensor_TB, deviceIndex, tensor_TB.size(0), tensor_TB.size(1));

    /// <summary>A contiguous tensor [B, …], where the kernels work, as [1, B, E].</summary>
    /// <param name="tensor_B">BFloat16, Float32 or Float64.</param>
    /// <param name="deviceIndex">Number of the kernels' GPU; null: main memory.</param>
    /// <exception cref="ArgumentException">The tensor is elsewhere, strided or of another type.</exception>
    public static LatentBuffer OfRows(torch.Tensor tensor_B, int? deviceIndex) =>
        Of(tensor_B, deviceIndex, 1, tensor_B.size(0));

    /// <summary>A contiguous tensor of any shape, where the kernels work, for a norm.</summary>
    /// <param name="gradient">BFloat16, Float32 or Float64.</param>
    /// <param name="deviceIndex">Number of the kernels' GPU; null: main memory.</param>
    /// <exception cref="ArgumentException">The tensor is elsewhere, strided or of another type.</exception>
    public static GradientBuffer OfGradient(torch.Tensor gradient, int? deviceIndex) =>
        new((void*)TensorPointer.Of(gradient, deviceIndex), TypeOf(gradient), gradient.numel());

    /// <summary>The squared Euclidean norm of each row of a contiguous tensor [B, …].</summary>
    /// <param name="kernels">Add up.</param>
    /// <param name="tensor_B">BFloat16, Float32 or Float64, where the kernels work.</param>
    public static double[] SquaredNorms(ILatentKernels kernels, torch.Tensor tensor_B)
    {
        ArgumentNullException.ThrowIfNull(kernels);
        var rows = OfRows(tensor_B, kernels.DeviceIndex);
        var gradients = new GradientBuffer[rows.Batch];
        for (var b = 0L; b < rows.Batch; b++)
        {
            var row = (byte*)rows.Pointer + (b * rows.Elements * rows.ElementSize);
            gradients[b] = new(row, rows.Type, rows.Elements);
        }
        var norms = new double[rows.Batch];
        kernels.SquaredNorms(gradients, norms);
        GC.KeepAlive(tensor_B);
        return norms;
    }

    /// <summary>What the kernels call a tensor's type.</summary>
    /// <param name="tensor">BFloat16, Float32 or Float64.</param>
    /// <exception cref="ArgumentException">It has another type.</exception>
    internal static LatentType TypeOf(torch.Tensor tensor) =>
        tensor.dtype switch
        {
            torch.ScalarType.BFloat16 => LatentType.BFloat16,
            torch.ScalarType.Float32 => LatentType.Float32,
            torch.ScalarType.Float64 => LatentType.Float64,
            var type => throw new ArgumentException($"latents are BFloat16, Float32 or Float64, not {type}"),
        };

    private static LatentBuffer Of(torch.Tensor tensor, int? deviceIndex, long steps, long batch) =>
        new(
            (void*)TensorPointer.Of(tensor, deviceIndex),
            TypeOf(tensor),
            steps,
            batch,
            steps * batch == 0 ? 0 : tensor.numel() / (steps * batch)
        );
}
