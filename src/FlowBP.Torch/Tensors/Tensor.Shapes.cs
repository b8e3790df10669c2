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

        /// <summary>Axes of length 1 repeated without a copy; −1 keeps an axis.</summary>
        public Tensor expand(params long[] sizes) => Aten.expand.Call(this, sizes);

        /// <summary>Expanded to another tensor's shape.</summary>
        public Tensor expand_as(Tensor other) => Aten.expand_as.Call(this, other);

        /// <summary>Copies laid out along the axes.</summary>
        public Tensor repeat(params long[] repeats) => Aten.repeat.Call(this, repeats);

        /// <summary>Every element repeated along an axis.</summary>
        public Tensor repeat_interleave(long repeats, long? dim = null) =>
            Aten.repeat_interleave.Call(this, repeats, dim);

        /// <summary>At most this many views of equal size along an axis.</summary>
        public Tensor[] chunk(long chunks, long dim = 0) => Aten.chunk.CallMany(this, chunks, dim)!;

        /// <summary>Views of a given size along an axis.</summary>
        public Tensor[] split(long size, long dim = 0) => Aten.split.CallMany(this, size, dim)!;

        /// <summary>Views of given sizes along an axis.</summary>
        public Tensor[] split(long[] sizes, long dim = 0) => Aten.split_with_sizes.CallMany(this, sizes, dim)!;

        /// <summary>All views along an axis, which disappears.</summary>
        public Tensor[] unbind(long dim = 0) => Aten.unbind.CallMany(this, dim)!;

        /// <summary>A view of <paramref name="length"/> entries along an axis.</summary>
        public Tensor narrow(long dim, long start, long length) => Aten.narrow.Call(this, dim, start, length);

        /// <summary>A view of the entries from start to finish.</summary>
        public Tensor slice(long dim, long start, long finish, long step) =>
            Aten.slice.Call(this, dim, start, finish, step);

        /// <summary>One entry along an axis, which disappears.</summary>
        public Tensor select(long dim, long index) => Aten.select.Call(this, dim, index);

        /// <summary>Entries along an axis, by an int64 vector.</summary>
        public Tensor index_select(long dim, Tensor index) => Aten.index_select.Call(this, dim, index);

        /// <summary>Elements along an axis, by an int64 tensor of the result's shape.</summary>
        public Tensor gather(long dim, Tensor index) => Aten.gather.Call(this, dim, index);

        /// <summary>A copy with elements written along an axis.</summary>
        public Tensor scatter(long dim, Tensor index, Tensor src) => Aten.scatter.Call(this, dim, index, src);

        /// <summary>Writes elements along an axis.</summary>
        public Tensor scatter_(long dim, Tensor index, Tensor src) =>
            Aten.scatter_.CallInPlace(this, this, dim, index, src);

        /// <summary>Writes one number along an axis.</summary>
        public Tensor scatter_(long dim, Tensor index, Scalar value) =>
            Aten.scatter_value_.CallInPlace(this, this, dim, index, value);

        /// <summary>Adds entries along an axis.</summary>
        public Tensor index_add_(long dim, Tensor index, Tensor source, Scalar alpha) =>
            Aten.index_add_.CallInPlace(this, this, dim, index, source, alpha);

        /// <summary>Writes entries along an axis.</summary>
        public Tensor index_copy_(long dim, Tensor index, Tensor source) =>
            Aten.index_copy_.CallInPlace(this, this, dim, index, source);

        /// <summary>A copy with a number where the mask holds.</summary>
        public Tensor masked_fill(Tensor mask, Scalar value) => Aten.masked_fill.Call(this, mask, value);

        /// <summary>A number where the mask holds, in place.</summary>
        public Tensor masked_fill_(Tensor mask, Scalar value) => Aten.masked_fill_.CallInPlace(this, this, mask, value);

        /// <summary>The elements where the mask holds, as a vector.</summary>
        public Tensor masked_select(Tensor mask) => Aten.masked_select.Call(this, mask);

        /// <summary>Positions of the nonzero elements, int64[n, ndim].</summary>
        public Tensor nonzero() => Aten.nonzero.Call(this);

        /// <summary>The upper triangle.</summary>
        public Tensor triu(long diagonal = 0L) => Aten.triu.Call(this, diagonal);

        /// <summary>The lower triangle.</summary>
        public Tensor tril(long diagonal = 0L) => Aten.tril.Call(this, diagonal);

        /// <summary>Axes reversed.</summary>
        public Tensor flip(params long[] dims) => Aten.flip.Call(this, dims);

        /// <summary>Entries shifted along axes, cyclically.</summary>
        public Tensor roll(long[] shifts, long[]? dims = null) => Aten.roll.Call(this, shifts, dims ?? []);

        /// <summary>Row-major and without gaps; itself where it is already.</summary>
        public Tensor contiguous() => Aten.contiguous.Call(this);

        /// <summary>A copy, through which gradients flow.</summary>
        public Tensor clone() => Aten.clone.Call(this);

        /// <summary>The same memory, outside the gradient graph.</summary>
        public Tensor detach() => Aten.detach.Call(this);

        /// <summary>Takes the tensor itself out of the gradient graph.</summary>
        public Tensor detach_() => Aten.detach_.CallInPlace(this, this);

        /// <summary>Copies another tensor's elements into this one, broadcast and converted.</summary>
        public Tensor copy_(Tensor source, bool non_blocking = false) =>
            Aten.copy_.CallInPlace(this, this, source, non_blocking);

        /// <summary>Converted to an element type; itself where it has it already.</summary>
        public Tensor to(ScalarType type, bool copy = false) => Aten.to_dtype.Call(this, type, false, copy);

        /// <summary>Converted to an element type; itself where it has it already.</summary>
        public Tensor to_type(ScalarType type) => to(type);

        /// <summary>Moved to a device; itself where it is there already.</summary>
        public Tensor to(Device device, bool copy = false) =>
            device_type == device.type && device.index < 0 && !copy
                ? alias()
                : Aten.to_device.Call(this, device, dtype, false, copy);

        /// <summary>Moved to main memory.</summary>
        public Tensor cpu() => to(CPU);

        /// <summary>As float32.</summary>
        public Tensor @float() => to(ScalarType.Float32);

        /// <summary>As float64.</summary>
        public Tensor @double() => to(ScalarType.Float64);

        /// <summary>As bfloat16.</summary>
        public Tensor bfloat16() => to(ScalarType.BFloat16);

        /// <summary>As int64.</summary>
        public Tensor @long() => to(ScalarType.Int64);

        /// <summary>As truth values.</summary>
        public Tensor @bool() => to(ScalarType.Bool);
    }
}
