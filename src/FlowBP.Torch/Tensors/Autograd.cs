using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>Adds to the gradients of the leaves that this tensor depends on.</summary>
        /// <param name="grad_tensors">The cotangent; none for a tensor with a single element.</param>
        /// <param name="retain_graph">Keep the graph for another backward.</param>
        /// <param name="create_graph">Record the backward pass itself, which keeps the graph too.</param>
        /// <param name="inputs">The leaves to add to; null for all.</param>
        /// <exception cref="System.Runtime.InteropServices.ExternalException">
        /// libtorch refused, or a managed backward threw (its exception is the inner one).
        /// </exception>
        public void backward(
            IList<Tensor>? grad_tensors = null,
            bool retain_graph = false,
            bool create_graph = false,
            IList<Tensor>? inputs = null
        ) => autograd.backward([this], grad_tensors, retain_graph || create_graph, create_graph, inputs);
    }

    /// <summary>Gradients of recorded operations.</summary>
    public static partial class autograd
    {
        /// <summary>Adds to the gradients of the leaves that the outputs depend on.</summary>
        /// <param name="tensors">The outputs.</param>
        /// <param name="grad_tensors">Cotangents, one per output; none for outputs with a single element.</param>
        /// <param name="retain_graph">Keep the graph; default: as <paramref name="create_graph"/>.</param>
        /// <param name="create_graph">Record the backward pass itself.</param>
        /// <param name="inputs">The leaves to add to; null for all.</param>
        /// <exception cref="System.Runtime.InteropServices.ExternalException">
        /// libtorch refused, or a managed backward threw (its exception is the inner one).
        /// </exception>
        public static unsafe void backward(
            IList<Tensor> tensors,
            IList<Tensor>? grad_tensors = null,
            bool? retain_graph = null,
            bool create_graph = false,
            IList<Tensor>? inputs = null
        )
        {
            var os = Handles(tensors);
            var gs = Cotangents(tensors, grad_tensors);
            var xs = inputs is null ? [] : Handles(inputs);
            int status;
            fixed (nint* o = os)
            fixed (nint* g = gs)
            fixed (nint* x = xs)
            {
                status = NativeMethods.flowbp_autograd_backward(
                    o,
                    g,
                    os.Length,
                    x,
                    xs.Length,
                    retain_graph ?? create_graph ? 1 : 0,
                    create_graph ? 1 : 0
                );
            }

            TorchStatus.Check(status, () => $"backward of {Describe(tensors)} from {Describe(grad_tensors)}");
            GC.KeepAlive(tensors);
            GC.KeepAlive(grad_tensors);
            GC.KeepAlive(inputs);
        }

        /// <summary>The gradients of outputs with respect to inputs, without touching any leaf's own.</summary>
        /// <param name="outputs">What is differentiated.</param>
        /// <param name="inputs">With respect to what.</param>
        /// <param name="grad_outputs">Cotangents, one per output; none for outputs with a single element.</param>
        /// <param name="retain_graph">Keep the graph for another backward.</param>
        /// <param name="create_graph">Record the backward pass itself, which keeps the graph too.</param>
        /// <param name="allow_unused">An input may have no influence.</param>
        /// <exception cref="System.Runtime.InteropServices.ExternalException">
        /// libtorch refused, or a managed backward threw (its exception is the inner one).
        /// </exception>
        /// <returns>One per input; null for an input without influence where <paramref name="allow_unused"/>.</returns>
        public static unsafe IList<Tensor> grad(
            IList<Tensor> outputs,
            IList<Tensor> inputs,
            IList<Tensor>? grad_outputs = null,
            bool retain_graph = false,
            bool create_graph = false,
            bool allow_unused = false
        )
        {
            var os = Handles(outputs);
            var gs = Cotangents(outputs, grad_outputs);
            var xs = Handles(inputs);
            var rs = new nint[xs.Length];
            int status;
            fixed (nint* o = os)
            fixed (nint* g = gs)
            fixed (nint* x = xs)
            fixed (nint* r = rs)
            {
                status = NativeMethods.flowbp_autograd_grad(
                    o,
                    g,
                    os.Length,
                    x,
                    xs.Length,
                    retain_graph || create_graph ? 1 : 0,
                    create_graph ? 1 : 0,
                    allow_unused ? 1 : 0,
                    r
                );
            }

            TorchStatus.Check(
                status,
                () => $"grad of {Describe(outputs)} by {Describe(inputs)} from {Describe(grad_outputs)}"
            );
            GC.KeepAlive(outputs);
            GC.KeepAlive(inputs);
            GC.KeepAlive(grad_outputs);
            return Array.ConvertAll(rs, h => h == 0 ? null! : new Tensor(h));
        }

        private static string Describe(IList<Tensor>? tensors) =>
            tensors is null ? "ones" : "[" + string.Join(", ", tensors.Select(t => t?.Describe() ?? "none")) + "]";

        private static nint[] Handles(IList<Tensor> tensors) => [.. tensors.Select(t => t.Handle)];

        private static nint[] Cotangents(IList<Tensor> outputs, IList<Tensor>? cotangents)
        {
            if (cotangents is not null && cotangents.Count != outputs.Count)
            {
                throw new ArgumentException($"{cotangents.Count} cotangents for {outputs.Count} outputs");
            }

            return cotangents is null ? new nint[outputs.Count] : [.. cotangents.Select(t => t?.Handle ?? 0)];
        }
    }
}
