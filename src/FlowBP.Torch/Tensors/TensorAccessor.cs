using System.Runtime.InteropServices;

namespace FlowBP.Torch;

/// <summary>A tensor's elements in row-major order, copied to managed memory on request.</summary>
/// <typeparam name="T">The C# type of an element.</typeparam>
public sealed class TensorAccessor<T>
    where T : unmanaged
{
    private readonly torch.Tensor tensor;

    internal TensorAccessor(torch.Tensor tensor) => this.tensor = tensor;

    /// <summary>Number of elements.</summary>
    public long Count => tensor.NumberOfElements;

    /// <summary>All elements, in row-major order.</summary>
    public T[] ToArray()
    {
        using torch.Tensor staged = tensor.Staged(tensor.dtype);
        return MemoryMarshal.Cast<byte, T>(staged.bytes).ToArray();
    }
}
