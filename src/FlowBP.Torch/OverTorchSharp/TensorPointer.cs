// With -p:TorchProvider=TorchSharp the files of this folder are all of FlowBP.Torch: what it has beyond the TorchSharp API,
// in terms of that API.

using TorchSharp;

namespace FlowBP.Torch;

/// <summary>The address of a tensor's data, for kernels that work on libtorch's own memory.</summary>
public static class TensorPointer
{
    /// <summary>
    /// The address of the first element of a contiguous CPU tensor; valid as long as the tensor is alive
    /// (<see cref="GC.KeepAlive"/> it past the last use). 0 for a tensor without elements.
    /// </summary>
    /// <exception cref="ArgumentException">The tensor is not contiguous.</exception>
    /// <exception cref="InvalidOperationException">The tensor is not on the CPU.</exception>
    public static unsafe nint Of(torch.Tensor tensor)
    {
        if (!tensor.is_contiguous())
        {
            throw new ArgumentException(
                $"a kernel needs a contiguous tensor, but {tensor.dtype} [{string.Join(", ", tensor.shape)}] is strided"
            );
        }
        if (tensor.numel() == 0)
        {
            return 0;
        }
        // A span ends at 2 GiB, a tensor does not; the span of its first element begins at the same address.
        using var flat = tensor.view(-1);
        using var first = flat.narrow(0, 0, 1);
        fixed (byte* address = first.bytes)
        {
            return (nint)address;
        }
    }

    /// <summary>The same, of a tensor that must be where the kernels work.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="deviceIndex">Number of the kernels' GPU; null: main memory.</param>
    /// <exception cref="ArgumentException">The tensor is elsewhere, or not contiguous.</exception>
    public static nint Of(torch.Tensor tensor, int? deviceIndex) =>
        deviceIndex is null && IsOn(tensor, null)
            ? Of(tensor)
            : throw new ArgumentException(
                $"the address of a tensor on {tensor.device} is not known with the TorchSharp package: kernels need main memory"
            );

    /// <summary>Whether a tensor is where kernels work.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="deviceIndex">Number of the kernels' GPU; null: main memory.</param>
    public static bool IsOn(torch.Tensor tensor, int? deviceIndex) =>
        deviceIndex is { } index
            ? tensor.device_type == DeviceType.CUDA && tensor.device_index == index
            : tensor.device_type == DeviceType.CPU;
}
