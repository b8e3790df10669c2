// TorchSharp's parameters can't be given other memory.

namespace FlowBP.Torch;

/// <summary>Memory for modules that were built on the <c>meta</c> device; not with TorchSharp.</summary>
public static class MetaModules
{
    /// <summary>Not supported.</summary>
    /// <param name="module">The module.</param>
    /// <param name="device">Where.</param>
    /// <param name="type">Type of the floating-point tensors.</param>
    /// <exception cref="NotSupportedException">Always.</exception>
    public static T ToEmpty<T>(this T module, torch.Device device, torch.ScalarType type)
        where T : torch.nn.Module =>
        throw new NotSupportedException("TorchSharp can't give memory to a module of the meta device");
}
