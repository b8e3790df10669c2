using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>Adds to the gradients of all leaves that this tensor depends on.</summary>
        /// <param name="grad_tensors">Cotangents, one per output; none for a tensor with a single element.</param>
        /// <param name="create_graph">Record the backward pass itself.</param>
        /// <param name="retain_graph">Keep the graph for another backward; default: as <paramref name="create_graph"/>.</param>
        public void backward(
            IList<Tensor>? grad_tensors = null,
            bool create_graph = false,
            bool? retain_graph = null
        ) => autograd.backward([this], grad_tensors, retain_graph, create_graph);
    }

    /// <summary>Gradients of recorded operations.</summary>
    public static partial class autograd
    {
        /// <summary>Adds to the gradients of all leaves that the outputs depend on.</summary>
        public static unsafe void backward(
            IList<Tensor> tensors,
            IList<Tensor>? grad_tensors = null,
            bool? retain_graph = null,
            bool create_graph = false
        )
        {
            nint[] outputs = Handles(tensors);
            nint[] gradients = Cotangents(tensors, grad_tensors);
            fixed (nint* o = outputs)
            fixed (nint* g = gradients)
            {
                ManagedFailure.Check(
                    NativeMethods.flowbp_autograd_backward(
                        o,
                        g,
                        outputs.Length,
                        retain_graph ?? create_graph ? 1 : 0,
                        create_graph ? 1 : 0
                    ),
                    "backward"
                );
            }

            GC.KeepAlive(tensors);
            GC.KeepAlive(grad_tensors);
        }

        /// <summary>The gradients of outputs with respect to inputs, without touching any leaf's own.</summary>
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
            nint[] os = Handles(outputs);
            nint[] gs = Cotangents(outputs, grad_outputs);
            nint[] xs = Handles(inputs);
            nint[] rs = new nint[xs.Length];
            fixed (nint* o = os)
            fixed (nint* g = gs)
            fixed (nint* x = xs)
            fixed (nint* r = rs)
            {
                ManagedFailure.Check(
                    NativeMethods.flowbp_autograd_grad(
                        o,
                        g,
                        os.Length,
                        x,
                        xs.Length,
                        retain_graph || create_graph ? 1 : 0,
                        create_graph ? 1 : 0,
                        allow_unused ? 1 : 0,
                        r
                    ),
                    "grad"
                );
            }

            GC.KeepAlive(outputs);
            GC.KeepAlive(inputs);
            GC.KeepAlive(grad_outputs);
            return Array.ConvertAll(rs, h => h == 0 ? null! : new Tensor(h));
        }

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
