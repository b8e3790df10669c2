using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

public static partial class torch
{
    // Shapes, views, gathering and conversion.
    public partial class Tensor
    {
        /// <summary>The same elements in another shape; one size may be −1.</summary>
        public Tensor reshape(params long[] shape) => Aten.reshape.Call(this, shape);

        /// <summary>A view in another shape; one size may be −1.</summary>
        public Tensor view(params long[] shape) => Aten.view.Call(this, shape);

        /// <summary>The axes in another order.</summary>
        public Tensor permute(params long[] permutation) => Aten.permute.Call(this, permutation);

        /// <summary>Two axes exchanged.</summary>
        public Tensor transpose(long dim0, long dim1) => Aten.transpose.Call(this, dim0, dim1);

        /// <summary>Several axes made one.</summary>
        public Tensor flatten(long start_dim = 0, long end_dim = -1) => Aten.flatten.Call(this, start_dim, end_dim);

        /// <summary>One axis made several.</summary>
        public Tensor unflatten(long dim, params long[] sizes) => Aten.unflatten.Call(this, dim, sizes);

        /// <summary>A new axis of length 1.</summary>
        public Tensor unsqueeze(long dim) => Aten.unsqueeze.Call(this, dim);

        /// <summary>Without axes of length 1, or without the one given.</summary>
        public Tensor squeeze(long? dim = null) =>
            dim is { } d ? Aten.squeeze_dim.Call(this, d) : Aten.squeeze.Call(this);

        /// <summary>A matrix transposed.</summary>
        public Tensor t() => transpose(0, 1);

        /// <summary>Axes of length 1 repeated without a copy; −1 keeps an axis.</summary>
        public Tensor expand(params long[] sizes) => Aten.expand.Call(this, sizes);

        /// <summary>Copies laid out along the axes.</summary>
        public Tensor repeat(params long[] sizes) => Aten.repeat.Call(this, sizes);

        /// <summary>Every element repeated along an axis.</summary>
        public Tensor repeat_interleave(long repeats, long? dim = null) =>
            Aten.repeat_interleave.Call(this, repeats, dim);

        /// <summary>At most this many views of equal size along an axis.</summary>
        public Tensor[] chunk(long chunks, long dim = 0) => Aten.chunk.CallMany(this, chunks, dim)!;

        /// <summary>A view of <paramref name="length"/> entries along an axis.</summary>
        public Tensor narrow(long dim, long start, long length) => Aten.narrow.Call(this, dim, start, length);

        /// <summary>One entry along an axis, which disappears.</summary>
        public Tensor select(long dim, long index) => Aten.select.Call(this, dim, index);

        /// <summary>Entries along an axis, by an int64 vector.</summary>
        public Tensor index_select(long dim, Tensor index) => Aten.index_select.Call(this, dim, index);

        /// <summary>Elements along an axis, by an int64 tensor of the result's shape.</summary>
        public Tensor gather(long dim, Tensor index) => Aten.gather.Call(this, dim, index);

        /// <summary>Adds entries along an axis.</summary>
        public Tensor index_add_(long dim, Tensor index, Tensor source, Scalar alpha) =>
            Aten.index_add_.CallInPlace(this, this, dim, index, source, alpha);

        /// <summary>Writes entries along an axis.</summary>
        public Tensor index_copy_(long dim, Tensor index, Tensor source) =>
            Aten.index_copy_.CallInPlace(this, this, dim, index, source);

        /// <summary>A copy with a number where the mask holds.</summary>
        public Tensor masked_fill(Tensor mask, Scalar value) => Aten.masked_fill.Call(this, mask, value);

        /// <summary>The upper triangle.</summary>
        public Tensor triu(long diagonal = 0L) => Aten.triu.Call(this, diagonal);

        /// <summary>The lower triangle.</summary>
        public Tensor tril(long diagonal = 0L) => Aten.tril.Call(this, diagonal);

        /// <summary>Entries shifted along axes, cyclically.</summary>
        public Tensor roll(long[] shifts, long[]? dims = null) => Aten.roll.Call(this, shifts, dims ?? []);

        /// <summary>Row-major and without gaps; itself where it is already.</summary>
        public Tensor contiguous() => Aten.contiguous.Call(this);

        /// <summary>A copy, through which gradients flow.</summary>
        public Tensor clone() => Aten.clone.Call(this);

        /// <summary>The same memory, outside the gradient graph.</summary>
        public Tensor detach() => Aten.detach.Call(this);

        /// <summary>Copies another tensor's elements into this one, broadcast and converted.</summary>
        public Tensor copy_(Tensor source, bool nonBlocking = false) =>
            Aten.copy_.CallInPlace(this, this, source, nonBlocking);

        /// <summary>Converted to an element type; a new handle to the same memory where it has it already.</summary>
        /// <param name="type">The element type.</param>
        /// <param name="copy">Copy also where nothing changes.</param>
        /// <param name="disposeAfter">Dispose this tensor.</param>
        /// <param name="non_blocking">Do not wait for a copy between devices.</param>
        public Tensor to(ScalarType type, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            Replacing(Aten.to_dtype.Call(this, type, non_blocking, copy), disposeAfter);

        /// <inheritdoc cref="to(ScalarType, bool, bool, bool)"/>
        public Tensor to_type(
            ScalarType type,
            bool copy = false,
            bool disposeAfter = false,
            bool non_blocking = false
        ) => to(type, copy, disposeAfter, non_blocking);

        /// <summary>Moved to a device; a new handle to the same memory where it is there already.</summary>
        /// <param name="device">The device.</param>
        /// <param name="copy">Copy also where nothing changes.</param>
        /// <param name="disposeAfter">Dispose this tensor.</param>
        /// <param name="non_blocking">Do not wait for the copy.</param>
        public Tensor to(Device device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to(dtype, device, copy, disposeAfter, non_blocking);

        /// <summary>Converted and moved in one step.</summary>
        /// <param name="type">The element type.</param>
        /// <param name="device">The device.</param>
        /// <param name="copy">Copy also where nothing changes.</param>
        /// <param name="disposeAfter">Dispose this tensor.</param>
        /// <param name="non_blocking">Do not wait for the copy.</param>
        public Tensor to(
            ScalarType type,
            Device device,
            bool copy = false,
            bool disposeAfter = false,
            bool non_blocking = false
        ) => Replacing(Aten.to_device.Call(this, device, type, non_blocking, copy), disposeAfter);

        /// <summary>Moved to main memory.</summary>
        public Tensor cpu() => to(CPU);

        /// <summary>As bfloat16.</summary>
        public Tensor bfloat16() => to(ScalarType.BFloat16);

        /// <summary>As float32.</summary>
        public Tensor @float() => to(ScalarType.Float32);

        private Tensor Replacing(Tensor result, bool disposeThis)
        {
            if (disposeThis)
            {
                Dispose();
            }

            return result;
        }
    }
}
