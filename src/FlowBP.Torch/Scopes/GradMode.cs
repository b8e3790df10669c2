using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

/// <summary>Switches gradient recording on this thread on or off until it is disposed.</summary>
public sealed class GradMode : IDisposable
{
    private readonly bool previous;

    internal GradMode(bool enabled)
    {
        previous = NativeMethods.flowbp_grad_mode_get() != 0;
        NativeMethods.flowbp_grad_mode_set(enabled ? 1 : 0);
    }

    /// <summary>Restores the mode that was in force before.</summary>
    public void Dispose() => NativeMethods.flowbp_grad_mode_set(previous ? 1 : 0);
}
