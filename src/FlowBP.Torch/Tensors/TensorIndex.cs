using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

public static partial class torch
{
    /// <summary>One entry of an index expression: an element, a slice, a new axis, an ellipsis or a tensor.</summary>
    public readonly struct TensorIndex
    {
        internal enum Form
        {
            Single,
            Slice,
            NewAxis,
            Ellipsis,
            Tensor,
        }

        internal Form Kind { get; private init; }

        internal long? First { get; private init; }

        internal long? Stop { get; private init; }

        internal long? Step { get; private init; }

        internal Tensor? Index { get; private init; }

        /// <summary>The element at a position (negative: from the end); the axis disappears.</summary>
        public static TensorIndex Single(long index) => new() { Kind = Form.Single, First = index };

        /// <summary>Elements from <paramref name="start"/> up to and without <paramref name="stop"/>.</summary>
        public static TensorIndex Slice(long? start = null, long? stop = null, long? step = null) =>
            new()
            {
                Kind = Form.Slice,
                First = start,
                Stop = stop,
                Step = step,
            };

        /// <summary>An element.</summary>
        public static implicit operator TensorIndex(long value) => Single(value);

        /// <summary>A slice.</summary>
        public static implicit operator TensorIndex(Range range) =>
            Slice(Bound(range.Start), range.End.Equals(System.Index.End) ? null : Bound(range.End));

        private static long Bound(Index index) => index.IsFromEnd ? -index.Value : index.Value;
    }

    public partial class Tensor
    {
        /// <summary>Indexes as in Python: a view for elements and slices, a copy where a tensor takes part.</summary>
        public Tensor this[params TensorIndex[] indices]
        {
            get => Index(indices);
            set => PutIndex(indices, value);
        }

        private Tensor Index(TensorIndex[] indices)
        {
            using var inner = NewDisposeScope();
            (var view, var tensors) = View(indices);
            var result = tensors.Length == 0 ? view : Aten.index.Call(view, Interop.Argument.OptionalTensors(tensors));
            // A view that is the tensor itself must not be moved out of its own scope.
            return (ReferenceEquals(result, this) ? alias() : result).MoveToOuterDisposeScope();
        }

        private void PutIndex(TensorIndex[] indices, Tensor value)
        {
            using var inner = NewDisposeScope();
            (var view, var tensors) = View(indices);
            if (tensors.Length == 0)
            {
                view.copy_(value);
            }
            else
            {
                Aten.index_put_.CallInPlace(view, view, Interop.Argument.OptionalTensors(tensors), value);
            }
        }

        // Applies everything but the tensors, and says which axes of the view these index.
        private (Tensor View, Tensor?[] Tensors) View(TensorIndex[] indices)
        {
            var consumed = indices.Sum(i =>
                i.Kind switch
                {
                    TensorIndex.Form.NewAxis or TensorIndex.Form.Ellipsis => 0,
                    TensorIndex.Form.Tensor when i.Index!.dtype == ScalarType.Bool => i.Index.ndim,
                    _ => 1,
                }
            );
            if (consumed > ndim)
            {
                throw new ArgumentException($"{consumed} indices for {Describe()}");
            }

            var view = this;
            long axis = 0;
            // A mask of several dimensions is one entry of the list for all of them.
            long masked = 0;
            var filled = false;
            var tensors = new List<Tensor?>();
            foreach (var index in indices)
            {
                switch (index.Kind)
                {
                    case TensorIndex.Form.Single:
                        view = view.select(axis, index.First!.Value);
                        break;
                    case TensorIndex.Form.Slice:
                        view = Aten.slice.Call(view, axis++, index.First, index.Stop, index.Step ?? 1);
                        break;
                    case TensorIndex.Form.NewAxis:
                        view = view.unsqueeze(axis++);
                        break;
                    case TensorIndex.Form.Ellipsis:
                        axis += filled
                            ? throw new ArgumentException($"two ellipses in an index of {Describe()}")
                            : ndim - consumed;
                        filled = true;
                        break;
                    default:
                        var entries = index.Index!;
                        if (entries is { dtype: ScalarType.Bool, ndim: 0 })
                        {
                            // A single truth value: a new axis of length 1 or 0.
                            view = view.unsqueeze(axis);
                            entries = entries.unsqueeze(0);
                        }

                        while (tensors.Count + masked < axis)
                        {
                            tensors.Add(null);
                        }

                        var spanned = entries.dtype == ScalarType.Bool ? entries.ndim : 1;
                        tensors.Add(entries);
                        axis += spanned;
                        masked += spanned - 1;
                        break;
                }
            }

            return (view, [.. tensors]);
        }
    }
}
