namespace FlowBP.Torch;

/// <summary>A tensor's address where libtorch's C functions do not tell it.</summary>
internal static class TensorAddress
{
    public static nint Of(torch.Tensor tensor) =>
        throw new ArgumentException(
            $"libtorch does not tell the address of a {(tensor.is_sparse ? "sparse " : "")}tensor on {tensor.device}: kernels need"
                + " a dense one in main memory or on a GPU"
        );
}
