namespace FlowBP.Torch;

/// <summary>A tensor's address where libtorch's C functions do not tell it.</summary>
internal static class TensorAddress
{
    /// <summary>What a tensor is that is not contiguous, and what makes it so.</summary>
    public static string Layout(torch.Tensor tensor) =>
        tensor.is_sparse ? "sparse: call to_dense() first" : "strided: call contiguous() first";

    public static nint Of(torch.Tensor tensor) =>
        throw new ArgumentException(
            $"libtorch does not tell the address of a {(tensor.is_sparse ? "sparse " : "")}tensor on {tensor.device}: kernels need"
                + " a dense one in main memory or on a GPU"
        );
}
