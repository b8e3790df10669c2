using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

// Functions of several tensors, and the switches of the library.
public static partial class torch
{
    /// <summary>Tensors joined along an existing axis.</summary>
    public static Tensor cat(IList<Tensor> tensors, long dim = 0) =>
        Aten.cat.Call(tensors as Tensor[] ?? [.. tensors], dim);

    /// <summary>Tensors joined along a new axis.</summary>
    public static Tensor stack(IEnumerable<Tensor> tensors, long dim = 0) =>
        Aten.stack.Call(tensors as Tensor[] ?? [.. tensors], dim);

    /// <summary>x where the condition holds, else y.</summary>
    public static Tensor where(Tensor condition, Tensor x, Tensor y) => Aten.where.Call(condition, x, y);

    /// <summary>Nothing is recorded for gradients, on this thread, until the result is disposed.</summary>
    public static IDisposable no_grad() => new GradMode(false);

    /// <summary>Operations are recorded for gradients, on this thread, until the result is disposed.</summary>
    public static IDisposable enable_grad(bool enabled = true) => new GradMode(enabled);

    /// <summary>Recording for gradients on or off, on this thread, until the result is disposed.</summary>
    public static IDisposable set_grad_enabled(bool mode = true) => new GradMode(mode);

    /// <summary>Whether operations are recorded for gradients on this thread.</summary>
    public static bool is_grad_enabled() => NativeMethods.flowbp_grad_mode_get() != 0;

    /// <summary>A scope that disposes the tensors created in it.</summary>
    public static DisposeScope NewDisposeScope() => new();

    /// <summary>Threads that an operator may use.</summary>
    public static int get_num_threads() => NativeMethods.flowbp_threads_get();

    /// <summary>Sets how many threads an operator may use.</summary>
    public static void set_num_threads(int num) => TorchStatus.Check(NativeMethods.flowbp_threads_set(num));
}
