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

    /// <summary>The same, of a tensor that must be where the kernels work.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="deviceIndex">Number of the kernels' GPU; null: main memory.</param>
    /// <exception cref="ArgumentException">The tensor is elsewhere, or not contiguous.</exception>
    public static nint Of(torch.Tensor tensor, int? deviceIndex)
    {
        var expected = deviceIndex is { } index ? torch.device(DeviceType.CUDA, index) : torch.CPU;
        return IsOn(tensor, deviceIndex)
            ? Of(tensor)
            : throw new ArgumentException(
                $"the kernels work on {expected}, but {tensor.Describe()} is on {tensor.device}: move it there first"
            );
    }

    /// <summary>Whether a tensor is where kernels work.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="deviceIndex">Number of the kernels' GPU; null: main memory.</param>
    public static bool IsOn(torch.Tensor tensor, int? deviceIndex) =>
        deviceIndex is { } index
            ? tensor.device.type == DeviceType.CUDA && tensor.device.index == index
            : tensor.device.type == DeviceType.CPU;
}
