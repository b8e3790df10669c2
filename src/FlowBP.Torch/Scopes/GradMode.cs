using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

/// <summary>Switches gradient recording on this thread on or off until it is disposed.</summary>
internal sealed class GradMode : IDisposable
{
    private readonly bool previous;
    private bool disposed;

    internal GradMode(bool enabled)
    {
        previous = NativeMethods.flowbp_grad_mode_get() != 0;
        if (previous != enabled)
        {
            NativeMethods.flowbp_grad_mode_set(enabled ? 1 : 0);
        }
    }

    /// <summary>Restores the mode that was in force before; a second time does nothing.</summary>
    public void Dispose()
    {
        if (!disposed)
        {
            disposed = true;
            NativeMethods.flowbp_grad_mode_set(previous ? 1 : 0);
        }
    }
}
