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

        /// <summary><see cref="squeeze"/> in place.</summary>
        public Tensor squeeze_(long? dim = null) =>
            dim is { } d ? Aten.squeeze_dim_.CallInPlace(this, this, d) : Aten.squeeze_.CallInPlace(this, this);

        /// <summary><see cref="unsqueeze"/> in place.</summary>
        public Tensor unsqueeze_(long dim) => Aten.unsqueeze_.CallInPlace(this, this, dim);

        /// <summary><see cref="transpose"/> in place.</summary>
        public Tensor transpose_(long dim0, long dim1) => Aten.transpose_.CallInPlace(this, this, dim0, dim1);

        /// <summary>Two axes exchanged.</summary>
        public Tensor swapaxes(long dim0, long dim1) => transpose(dim0, dim1);

        /// <summary>Axes moved to other places, the rest in their order.</summary>
        public Tensor movedim(long[] source, long[] destination) => Aten.movedim.Call(this, source, destination);

        /// <summary>A matrix transposed.</summary>
        public Tensor t() => transpose(0, 1);

        /// <summary>The last two axes exchanged.</summary>
        public Tensor mT => transpose(-2, -1);

        /// <summary>A view in another tensor's shape.</summary>
        public Tensor view_as(Tensor other) => view(other.shape);

        /// <summary>The elements where two axes have the same position, as the last axis.</summary>
        public Tensor diagonal(long offset = 0L, long dim1 = 0L, long dim2 = 1L) =>
            Aten.diagonal.Call(this, offset, dim1, dim2);

        /// <summary>Windows of a size along an axis, as a new last axis.</summary>
        public Tensor unfold(long dimension, long size, long step) => Aten.unfold.Call(this, dimension, size, step);

        /// <summary>Axes of length 1 repeated without a copy; −1 keeps an axis.</summary>
        public Tensor expand(params long[] sizes) => Aten.expand.Call(this, sizes);

        /// <summary>Expanded to a shape.</summary>
        public Tensor broadcast_to(params long[] shape) => expand(shape);

        /// <summary>Expanded to another tensor's shape.</summary>
        public Tensor expand_as(Tensor other) => Aten.expand_as.Call(this, other);

        /// <summary>Copies laid out along the axes.</summary>
        public Tensor repeat(params long[] sizes) => Aten.repeat.Call(this, sizes);

        /// <summary>Copies laid out along the last axes.</summary>
        public Tensor tile(long[] reps) => Aten.tile.Call(this, reps);

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
        public Tensor[] unbind(long dimension = 0L) => Aten.unbind.CallMany(this, dimension)!;

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

        /// <summary>A copy with elements added along an axis.</summary>
        public Tensor scatter_add(long dim, Tensor index, Tensor src) => Aten.scatter_add.Call(this, dim, index, src);

        /// <summary>Adds elements along an axis.</summary>
        public Tensor scatter_add_(long dim, Tensor index, Tensor src) =>
            Aten.scatter_add_.CallInPlace(this, this, dim, index, src);

        /// <summary>A copy with entries added along an axis.</summary>
        public Tensor index_add(long dim, Tensor index, Tensor source, Scalar alpha) =>
            Aten.index_add.Call(this, dim, index, source, alpha);

        /// <summary>Sets entries along an axis to a number.</summary>
        public Tensor index_fill_(long dim, Tensor index, Scalar value) =>
            Aten.index_fill_.CallInPlace(this, this, dim, index, value);

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

        /// <inheritdoc cref="to(ScalarType, bool, bool, bool)"/>
        public Tensor type(ScalarType dtype) => to(dtype);

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

        /// <inheritdoc cref="to(Device, bool, bool, bool)"/>
        public Tensor to(
            DeviceType deviceType,
            int deviceIndex = -1,
            bool copy = false,
            bool disposeAfter = false,
            bool non_blocking = false
        ) => to(new Device(deviceType, deviceIndex), copy, disposeAfter, non_blocking);

        /// <inheritdoc cref="to(Device, bool, bool, bool)"/>
        public Tensor to(string device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to(torch.device(device), copy, disposeAfter, non_blocking);

        /// <summary>Converted to another tensor's type and moved to its device.</summary>
        public Tensor to(Tensor other, bool non_blocking = false) =>
            to(other.dtype, other.device, non_blocking: non_blocking);

        /// <summary>Converted to another tensor's type.</summary>
        public Tensor type_as(Tensor tensor) => to(tensor.dtype);

        /// <summary>Moved to main memory.</summary>
        public Tensor cpu() => to(CPU);

        /// <summary>Moved to a GPU; the first one by default.</summary>
        public Tensor cuda(Device? device = null, bool non_blocking = false) =>
            to(device ?? CUDA, non_blocking: non_blocking);

        /// <summary>As float16.</summary>
        public Tensor half() => to(ScalarType.Float16);

        /// <summary>As bfloat16.</summary>
        public Tensor bfloat16() => to(ScalarType.BFloat16);

        /// <summary>As float32.</summary>
        public Tensor @float() => to(ScalarType.Float32);

        /// <summary>As float64.</summary>
        public Tensor @double() => to(ScalarType.Float64);

        /// <summary>As uint8.</summary>
        public Tensor @byte() => to(ScalarType.Byte);

        /// <summary>As int32.</summary>
        public Tensor @int() => to(ScalarType.Int32);

        /// <summary>As int64.</summary>
        public Tensor @long() => to(ScalarType.Int64);

        /// <summary>As truth values.</summary>
        public Tensor @bool() => to(ScalarType.Bool);

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
