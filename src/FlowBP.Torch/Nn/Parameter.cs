using FlowBP.Torch.Interop;

namespace FlowBP.Torch
{
    public static partial class torch
    {
        public partial class Tensor
        {
            /// <summary>Makes this object another tensor, so that whoever holds it sees the new one.</summary>
            internal unsafe void Adopt(Tensor other)
            {
                nint copy;
                TorchStatus.Check(NativeMethods.flowbp_tensor_alias(other.Handle, &copy));
                GC.KeepAlive(other);
                var released = Interlocked.Exchange(ref handle, copy);
                if (released != 0)
                {
                    NativeMethods.flowbp_tensor_free(released);
                }
            }
        }
    }
}

namespace FlowBP.Torch.Modules
{
    /// <summary>A tensor that a module trains. It belongs to its module: dispose scopes leave it alone.</summary>
    public sealed class Parameter : torch.Tensor
    {
        /// <summary>A parameter with the memory of <paramref name="data"/>.</summary>
        public Parameter(torch.Tensor data, bool requires_grad = true)
            : base(Detached(data))
        {
            DetachFromDisposeScope();
            if (requires_grad)
            {
                requires_grad_();
            }
        }

        // A parameter with the memory of a tensor that nobody else needs.
        internal static Parameter Of(torch.Tensor fresh)
        {
            using (fresh)
            {
                return new Parameter(fresh);
            }
        }

        private static unsafe nint Detached(torch.Tensor data)
        {
            using var detached = data.detach();
            nint copy;
            TorchStatus.Check(NativeMethods.flowbp_tensor_alias(detached.Handle, &copy));
            GC.KeepAlive(detached);
            return copy;
        }
    }
}
