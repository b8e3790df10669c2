using System.Runtime.InteropServices;
using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

public static partial class torch
{
    /// <summary>
    /// A libtorch tensor. Dispose it, or let a <see cref="DisposeScope"/> do so; one that is forgotten is freed by the
    /// garbage collector, never while an operator reads it.
    /// </summary>
    public partial class Tensor : IDisposable
    {
        internal nint handle;
        internal DisposeScope? scope;
        internal int scopeIndex;

        internal Tensor(nint handle)
        {
            this.handle = handle;
            if (DisposeScope.Current is { } current)
            {
                current.Add(this);
            }
            else
            {
                ForgottenTensors.Created();
            }
        }

        /// <summary>Frees a tensor that nobody disposed.</summary>
        ~Tensor() => Free();

        /// <summary>The at::Tensor*, for native code; it stays the tensor's own.</summary>
        public nint Handle =>
            handle != 0 ? handle : throw new ObjectDisposedException(nameof(Tensor), "the tensor was disposed");

        /// <summary>Whether the tensor was disposed.</summary>
        public bool IsInvalid => handle == 0;

        /// <summary>The size along each dimension.</summary>
        public unsafe long[] shape
        {
            get
            {
                var info = Info();
                var sizes = new ReadOnlySpan<long>(info.Sizes, (int)info.Dimensions).ToArray();
                GC.KeepAlive(this);
                return sizes;
            }
        }

        /// <summary>Number of dimensions.</summary>
        public long ndim => Info().Dimensions;

        /// <summary>Number of elements.</summary>
        public long NumberOfElements => Info().ElementCount;

        /// <summary>Size of one element in bytes.</summary>
        public long ElementSize => SizeOf(dtype);

        /// <summary>The element type.</summary>
        public ScalarType dtype => (ScalarType)Info().ScalarType;

        /// <summary>Where the data lives.</summary>
        public Device device
        {
            get
            {
                var info = Info();
                return new Device((DeviceType)info.DeviceType, info.DeviceIndex);
            }
        }

        /// <summary>The kind of device the data lives on.</summary>
        public DeviceType device_type => (DeviceType)Info().DeviceType;

        /// <summary>Whether operations on the tensor are recorded for gradients.</summary>
        public bool requires_grad
        {
            get => Info().RequiresGrad != 0;
            set => requires_grad_(value);
        }

        /// <summary>The accumulated gradient, a new handle to the same memory, or null.</summary>
        public unsafe Tensor? grad
        {
            get
            {
                nint found;
                TorchStatus.Check(NativeMethods.flowbp_tensor_get_grad(Handle, &found));
                GC.KeepAlive(this);
                return found == 0 ? null : new Tensor(found);
            }
            set
            {
                TorchStatus.Check(NativeMethods.flowbp_tensor_set_grad(Handle, value?.Handle ?? 0));
                GC.KeepAlive(value);
                GC.KeepAlive(this);
            }
        }

        /// <summary>
        /// The elements as bytes, in row-major order. Reading shares the tensor's memory (which must stay alive and
        /// lie contiguous on the CPU); assigning copies.
        /// </summary>
        public unsafe Span<byte> bytes
        {
            get
            {
                var info = Info();
                if (info.DeviceType != (int)DeviceType.CPU || info.IsContiguous == 0)
                {
                    throw new InvalidOperationException($"bytes of {Describe()}: needs a contiguous CPU tensor");
                }

                var length = info.ElementCount * SizeOf((ScalarType)info.ScalarType);
                return length <= int.MaxValue
                    ? new Span<byte>(info.Data, (int)length)
                    : throw new InvalidOperationException(
                        $"bytes of {Describe()}: {length} bytes, more than a span holds; take it in parts"
                    );
            }
            set
            {
                var own = bytes;
                if (own.Length != value.Length)
                {
                    throw new ArgumentException($"{value.Length} bytes for {Describe()}, which has {own.Length}");
                }

                value.CopyTo(own);
                GC.KeepAlive(this);
            }
        }

        /// <summary>The size along one dimension (negative: from the end).</summary>
        public unsafe long size(int dim)
        {
            var info = Info();
            var index = dim < 0 ? dim + info.Dimensions : dim;
            if (index < 0 || index >= info.Dimensions)
            {
                throw new ArgumentOutOfRangeException(nameof(dim), $"dimension {dim} of {Describe()}");
            }

            var result = info.Sizes[index];
            GC.KeepAlive(this);
            return result;
        }

        /// <summary>Number of dimensions.</summary>
        public long dim() => ndim;

        /// <summary>Size of one element in bytes.</summary>
        public long element_size() => ElementSize;

        /// <summary>Whether the element type is a floating-point one.</summary>
        public bool is_floating_point() => torch.is_floating_point(dtype);

        /// <summary>Number of elements.</summary>
        public long numel() => NumberOfElements;

        /// <summary>Whether the elements lie in row-major order without gaps.</summary>
        public bool is_contiguous() => Info().IsContiguous != 0;

        /// <summary>Switches gradient recording for this leaf on or off, and returns it.</summary>
        public Tensor requires_grad_(bool requires_grad = true)
        {
            TorchStatus.Check(NativeMethods.flowbp_tensor_set_requires_grad(Handle, requires_grad ? 1 : 0), Describe);
            GC.KeepAlive(this);
            return this;
        }

        /// <summary>The single element, converted to <typeparamref name="T"/>'s tensor type.</summary>
        /// <exception cref="InvalidOperationException">The tensor does not have exactly one element.</exception>
        public unsafe T item<T>()
            where T : unmanaged
        {
            var info = Info();
            if (info.ElementCount != 1)
            {
                throw new InvalidOperationException($"item of {Describe()}: needs exactly one element");
            }

            if (info.DeviceType == (int)DeviceType.CPU && info.ScalarType == (int)ScalarTypeOf<T>())
            {
                var element = *(T*)info.Data;
                GC.KeepAlive(this);
                return element;
            }

            using var one = Staged(ScalarTypeOf<T>());
            return MemoryMarshal.Read<T>(one.bytes);
        }

        /// <summary>The single element as a double.</summary>
        public double ToDouble() => item<double>();

        /// <summary>The elements, in row-major order, read-only and copied on demand.</summary>
        /// <exception cref="InvalidOperationException">The element type is not <typeparamref name="T"/>'s.</exception>
        public TensorAccessor<T> data<T>()
            where T : unmanaged =>
            dtype == ScalarTypeOf<T>()
                ? new TensorAccessor<T>(this)
                : throw new InvalidOperationException($"data<{typeof(T).Name}> of {Describe()}: convert it first");

        /// <summary>Another handle to the same tensor.</summary>
        public unsafe Tensor alias()
        {
            nint result;
            TorchStatus.Check(NativeMethods.flowbp_tensor_alias(Handle, &result));
            GC.KeepAlive(this);
            return new Tensor(result);
        }

        /// <summary>Moves the tensor to the scope around the current one, and returns it.</summary>
        public Tensor MoveToOuterDisposeScope()
        {
            scope?.MoveToOuter(this);
            return this;
        }

        /// <summary>Takes the tensor out of its scope, so that only its owner disposes it, and returns it.</summary>
        public Tensor DetachFromDisposeScope()
        {
            scope?.Detach(this);
            return this;
        }

        /// <summary>Frees the handle; the memory goes with the last handle to it.</summary>
        public void Dispose()
        {
            scope?.Remove(this);
            Free();
            GC.SuppressFinalize(this);
        }

        /// <summary>Shape, type and device, as messages show a tensor.</summary>
        public string Describe() =>
            IsInvalid ? "disposed tensor" : $"{dtype.ToString().ToLowerInvariant()}[{string.Join(", ", shape)}]";

        /// <inheritdoc/>
        public override string ToString() => Describe();

        internal void DisposeFromScope()
        {
            scope = null;
            Free();
            GC.SuppressFinalize(this);
        }

        internal unsafe NativeTensorInfo Info()
        {
            NativeTensorInfo info;
            TorchStatus.Check(NativeMethods.flowbp_tensor_info(Handle, &info));
            GC.KeepAlive(this);
            return info;
        }

        /// <summary>The tensor on the CPU, contiguous, of the given type, outside any scope; may share memory.</summary>
        internal Tensor Staged(ScalarType type)
        {
            using var mode = no_grad();
            using var inner = NewDisposeScope();
            return detach().to(CPU).to(type).contiguous().DetachFromDisposeScope();
        }

        private void Free()
        {
            var released = Interlocked.Exchange(ref handle, 0);
            if (released != 0)
            {
                NativeMethods.flowbp_tensor_free(released);
            }
        }
    }
}
