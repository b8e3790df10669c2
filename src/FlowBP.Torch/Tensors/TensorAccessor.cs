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

    /// <summary>Number of elements.</summary>
    public long Count => tensor.NumberOfElements;

    /// <summary>One element, by its position along each dimension (negative: from the end).</summary>
    /// <exception cref="ArgumentException">There is not one position per dimension.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A position lies outside.</exception>
    public T this[params long[] indices]
    {
        get
        {
            long[] shape = tensor.shape;
            if (indices.Length != shape.Length)
            {
                throw new ArgumentException($"{indices.Length} indices for an element of {tensor.Describe()}");
            }

            using DisposeScope scope = torch.NewDisposeScope();
            torch.Tensor element = tensor;
            for (int d = 0; d < shape.Length; d++)
            {
                if (indices[d] < -shape[d] || indices[d] >= shape[d])
                {
                    throw new ArgumentOutOfRangeException(
                        nameof(indices),
                        $"[{string.Join(", ", indices)}] of {tensor.Describe()}"
                    );
                }

                element = element.select(0, indices[d]);
            }

            return element.item<T>();
        }
    }

    /// <summary>All elements, in row-major order.</summary>
    public T[] ToArray()
    {
        using torch.Tensor staged = tensor.Staged(tensor.dtype);
        return MemoryMarshal.Cast<byte, T>(staged.bytes).ToArray();
    }

    /// <summary>Copies the elements, in row-major order.</summary>
    /// <exception cref="ArgumentException">There is no room for them.</exception>
    public void CopyTo(Span<T> destination)
    {
        using torch.Tensor staged = tensor.Staged(tensor.dtype);
        MemoryMarshal.Cast<byte, T>(staged.bytes).CopyTo(destination);
    }

    /// <inheritdoc/>
    public IEnumerator<T> GetEnumerator() => ((IEnumerable<T>)ToArray()).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
