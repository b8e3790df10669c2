// The one place where latents become the pointers that the kernels take; with either provider of the TorchSharp API, since
// TensorPointer exists for both.

namespace FlowBP.Surrogates;

/// <summary>
/// Views of tensors for <see cref="ILatentKernels"/> and <see cref="IRolloutKernels"/>. The caller keeps the tensors alive during the call.
/// </summary>
internal static unsafe class LatentBuffers
{
    /// <summary>A contiguous tensor [T, B, …], where the kernels work, as [T, B, E].</summary>
    public static LatentBuffer OfSteps(Tensor tensor_TB, int? deviceIndex) =>
        Of(tensor_TB, deviceIndex, tensor_TB.size(0), tensor_TB.size(1));

    /// <summary>A contiguous tensor [B, …], where the kernels work, as [1, B, E].</summary>
    public static LatentBuffer OfRows(Tensor tensor_B, int? deviceIndex) =>
        Of(tensor_B, deviceIndex, 1, tensor_B.size(0));

    /// <summary>The squared Euclidean norm of each row of a contiguous tensor [B, …].</summary>
    public static double[] SquaredNorms(ILatentKernels kernels, Tensor tensor_B)
    {
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

    private static LatentBuffer Of(Tensor tensor, int? deviceIndex, long steps, long batch) =>
        new(
            (void*)TensorPointer.Of(tensor, deviceIndex),
            TypeOf(tensor.dtype),
            steps,
            batch,
            steps * batch == 0 ? 0 : tensor.numel() / (steps * batch)
        );

    private static LatentType TypeOf(ScalarType type) =>
        type switch
        {
            ScalarType.BFloat16 => LatentType.BFloat16,
            ScalarType.Float32 => LatentType.Float32,
            ScalarType.Float64 => LatentType.Float64,
            _ => throw new ArgumentException($"latents are BFloat16, Float32 or Float64, not {type}"),
        };
}
