using System.Collections;
using System.Runtime.InteropServices;

namespace FlowBP.Torch;

/// <summary>A tensor's elements in row-major order, read on request.</summary>
/// <typeparam name="T">The C# type of an element.</typeparam>
public sealed class TensorAccessor<T> : IEnumerable<T>
    where T : unmanaged
{
    private readonly torch.Tensor tensor;

    internal TensorAccessor(torch.Tensor tensor) => this.tensor = tensor;

    /// <summary>All elements, in row-major order.</summary>
    public T[] ToArray()
    {
        using var staged = tensor.Staged(tensor.dtype);
        return MemoryMarshal.Cast<byte, T>(staged.bytes).ToArray();
    }

    /// <inheritdoc/>
    public IEnumerator<T> GetEnumerator() => ((IEnumerable<T>)ToArray()).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
