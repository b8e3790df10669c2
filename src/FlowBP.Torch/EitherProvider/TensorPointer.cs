namespace FlowBP.Torch;

/// <summary>The address of a tensor's data, for kernels that work on libtorch's own memory.</summary>
public static class TensorPointer
{
    /// <summary>
    /// The address of the first element of a contiguous tensor, that of a view's own first element included; valid as long as
    /// the tensor is alive (<see cref="GC.KeepAlive"/> it past the last use). 0 for a tensor without elements.
    /// </summary>
    /// <param name="tensor">The tensor, of any type, in main memory or on a GPU.</param>
    /// <exception cref="ArgumentException">The tensor was disposed, is strided or sparse, or has no memory (device meta).</exception>
    public static nint Of(torch.Tensor tensor)
    {
        CheckAlive(tensor);
        if (!tensor.is_contiguous())
        {
            throw new ArgumentException(
                $"a kernel needs a contiguous tensor, but {Described(tensor)} is {TensorAddress.Layout(tensor)}"
            );
        }
        if (tensor.numel() == 0)
        {
            return 0;
        }
        if (tensor.device_type == DeviceType.META)
        {
            throw new ArgumentException($"{Described(tensor)} is on meta: it has a shape and no memory");
        }
        var address = LibtorchAbi.TryDataPointer(tensor.Handle, out var told) ? told : TensorAddress.Of(tensor);
        GC.KeepAlive(tensor);
        return address;
    }

    /// <summary>The same, of a tensor that must be where the kernels work.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="deviceIndex">Number of the kernels' GPU; null: main memory.</param>
    /// <exception cref="ArgumentException">The tensor is elsewhere, was disposed, or is strided.</exception>
    public static nint Of(torch.Tensor tensor, int? deviceIndex)
    {
        CheckAlive(tensor);
        return IsOn(tensor, deviceIndex)
            ? Of(tensor)
            : throw new ArgumentException(
                $"the kernels work on {(deviceIndex is { } index ? $"cuda:{index}" : "cpu")}, but {Described(tensor)} is on"
                    + $" {tensor.device}: move it there first"
            );
    }

    /// <summary>Whether a tensor is where kernels work.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="deviceIndex">Number of the kernels' GPU; null: main memory.</param>
    public static bool IsOn(torch.Tensor tensor, int? deviceIndex) =>
        deviceIndex is { } index
            ? tensor.device_type == DeviceType.CUDA && tensor.device.index == index
            : tensor.device_type == DeviceType.CPU;

    private static void CheckAlive(torch.Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (tensor.IsInvalid)
        {
            throw new ArgumentException("a kernel needs a tensor that is alive, and this one was disposed");
        }
    }

    private static string Described(torch.Tensor tensor) => $"{tensor.dtype} [{string.Join(", ", tensor.shape)}]";
}
