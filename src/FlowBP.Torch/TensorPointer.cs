namespace FlowBP.Torch;

/// <summary>The address of a tensor's data, for kernels that work on libtorch's own memory.</summary>
public static class TensorPointer
{
    /// <summary>
    /// The address of the first element of a contiguous tensor; valid as long as the tensor is alive
    /// (<see cref="GC.KeepAlive"/> it past the last use).
    /// </summary>
    /// <exception cref="ArgumentException">The tensor is not contiguous.</exception>
    public static unsafe nint Of(torch.Tensor tensor) =>
        tensor.is_contiguous()
            ? (nint)tensor.Info().Data
            : throw new ArgumentException($"a kernel needs a contiguous tensor, but {tensor.Describe()} is strided");
}
