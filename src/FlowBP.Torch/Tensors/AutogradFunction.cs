using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

// Functions with a backward of their own. The graph's node owns the context (through a GCHandle that it releases), so a
// context lives exactly as long as somebody can still call backward through it.
public static partial class torch
{
    public static partial class autograd
    {
        /// <summary>What a function keeps from its forward for its backward.</summary>
        public sealed class AutogradContext
        {
            private readonly Dictionary<string, object> data = [];
            private Tensor[] saved = [];

            internal Func<AutogradContext, List<Tensor?>, List<Tensor?>>? Backward { get; set; }

            internal bool[] InputIsTensor { get; set; } = [];

            internal string Name { get; init; } = "";

            /// <summary>Whether a result without a gradient comes to backward as zeros (the default) or as null.</summary>
            public bool MaterializeGrads { get; private set; } = true;

            /// <summary>Sets <see cref="MaterializeGrads"/>; in the forward.</summary>
            public void set_materialize_grads(bool value) => MaterializeGrads = value;

            /// <summary>Keeps anything but tensors for the backward.</summary>
            public void save_data(string key, object value) => data[key] = value;

            /// <summary>What <see cref="save_data"/> kept under a key, or null.</summary>
            public object? get_data(string key) => data.GetValueOrDefault(key);

            /// <summary>
            /// Keeps tensors; they are freed with the graph. What was computed in the forward is kept detached: a saved
            /// result that came to know its node would keep that node, and so itself, alive for ever. Inputs keep their
            /// own graph, which second derivatives need.
            /// </summary>
            public void save_for_backward(List<Tensor> tensors)
            {
                Release();
                saved = [.. tensors.Select(t => (t.requires_grad ? t.alias() : t.detach()).DetachFromDisposeScope())];
            }

            /// <summary>What <see cref="save_for_backward"/> kept, in its order.</summary>
            public List<Tensor> get_saved_variables() => [.. saved];

            internal void Release()
            {
                foreach (var tensor in saved)
                {
                    tensor.Dispose();
                }

                saved = [];
            }
        }

        /// <summary>A function with several results and a backward of its own.</summary>
        /// <typeparam name="T">The function's own type.</typeparam>
        public abstract class MultiTensorFunction<T>
            where T : MultiTensorFunction<T>, new()
        {
            /// <summary>The function's name, for messages.</summary>
            public abstract string Name { get; }

            /// <summary>Computes the results; gradient recording is off.</summary>
            public abstract List<Tensor> forward(AutogradContext ctx, params object[] vars);

            /// <summary>Gradients, one per argument of forward (null where none is needed).</summary>
            public abstract List<Tensor> backward(AutogradContext ctx, List<Tensor> grad_outputs);

            /// <summary>Applies the function and records it.</summary>
            public static List<Tensor> apply(params object[] vars)
            {
                var function = new T();
                return Apply(
                    function.Name,
                    vars,
                    function.forward,
                    (ctx, gradients) => [.. function.backward(ctx, gradients!)]
                );
            }
        }

        private static unsafe List<Tensor> Apply(
            string name,
            object[] vars,
            Func<AutogradContext, object[], List<Tensor>> forward,
            Func<AutogradContext, List<Tensor?>, List<Tensor?>> backward
        )
        {
            var context = new AutogradContext
            {
                Name = name,
                Backward = backward,
                InputIsTensor = [.. vars.Select(v => v is Tensor)],
            };
            List<Tensor> outputs;
            try
            {
                using (no_grad())
                {
                    outputs = forward(context, vars);
                }
            }
            catch
            {
                context.Release();
                throw;
            }

            Tensor[] inputs = [.. vars.OfType<Tensor>()];
            if (!is_grad_enabled() || !inputs.Any(t => t.requires_grad))
            {
                context.Release();
                return outputs;
            }

            // A result that is an input itself must not take part in a cycle: give it a handle outside the graph.
            outputs = [.. outputs.Select(o => inputs.Contains(o) ? o.detach() : o)];
            var xs = Handles(inputs);
            var ys = Handles(outputs);
            // From here on the context is the node's, also where attaching fails.
            var owner = GCHandle.Alloc(context);
            int status;
            fixed (nint* x = xs)
            fixed (nint* y = ys)
            {
                status = NativeMethods.flowbp_autograd_attach(
                    x,
                    xs.Length,
                    y,
                    ys.Length,
                    context.MaterializeGrads ? 1 : 0,
                    GCHandle.ToIntPtr(owner),
                    &OnBackward,
                    &OnRelease
                );
            }

            TorchStatus.Check(status, () => $"results {Describe(outputs)} of the managed function {name}");
            GC.KeepAlive(inputs);
            GC.KeepAlive(outputs);
            return outputs;
        }

        [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
        private static unsafe int OnBackward(
            nint context,
            nint* gradients,
            int gradientCount,
            nint* results,
            int resultCount
        )
        {
            try
            {
                using var scope = NewDisposeScope();
                var ctx = (AutogradContext)GCHandle.FromIntPtr(context).Target!;
                var given = new List<Tensor?>();
                for (var i = 0; i < gradientCount; i++)
                {
                    given.Add(gradients[i] == 0 ? null : new Tensor(gradients[i]));
                }

                var pulled = ctx.Backward!(ctx, given);
                if (pulled.Count != ctx.InputIsTensor.Length)
                {
                    throw new InvalidOperationException(
                        $"backward of {ctx.Name} returned {pulled.Count} gradients for {ctx.InputIsTensor.Length} arguments"
                    );
                }

                var slot = 0;
                for (var i = 0; i < pulled.Count; i++)
                {
                    if (!ctx.InputIsTensor[i])
                    {
                        continue;
                    }

                    if (pulled[i] is { } gradient)
                    {
                        nint copy;
                        TorchStatus.Check(NativeMethods.flowbp_tensor_alias(gradient.Handle, &copy));
                        results[slot] = copy;
                    }

                    slot++;
                }

                return 0;
            }
            catch (Exception e)
            {
                // Nothing may be thrown through native frames: the caller of backward rethrows it.
                ManagedFailure.Set(e);
                return 1;
            }
        }

        [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
        private static void OnRelease(nint context)
        {
            var owner = GCHandle.FromIntPtr(context);
            ((AutogradContext)owner.Target!).Release();
            owner.Free();
        }
    }
}
