namespace FlowBP.Torch;

/// <summary>
/// Modules that were built on the <c>meta</c> device get memory, as PyTorch's <c>Module.to_empty</c> gives it. TorchSharp has no
/// such method.
/// </summary>
public static class MetaModules
{
    /// <summary>
    /// Gives every parameter and buffer memory of its own, without values: the module is then as large as its tensors are, and
    /// was never larger. Every object stays the tensor that it was to whoever holds it.
    /// </summary>
    /// <param name="module">The module; what its tensors held is lost.</param>
    /// <param name="device">Where.</param>
    /// <param name="type">Type of the floating-point tensors; others keep theirs.</param>
    /// <returns>The module.</returns>
    /// <exception cref="ArgumentException">It has no tensors, or one of them was disposed; nothing was changed.</exception>
    public static T ToEmpty<T>(this T module, torch.Device device, torch.ScalarType type)
        where T : torch.nn.Module
    {
        using var mode = torch.no_grad();
        torch.Tensor[] tensors = [.. module.parameters(), .. module.buffers()];
        if (tensors.Any(tensor => tensor.IsInvalid))
        {
            throw new ArgumentException($"a tensor of {module.GetName()} was disposed: make the module anew");
        }
        if (tensors.Length == 0)
        {
            throw new ArgumentException(
                $"{module.GetName()} has no parameters or buffers; one that was disposed has none"
            );
        }
        foreach (var tensor in tensors)
        {
            using var scope = torch.NewDisposeScope();
            var recorded = tensor.requires_grad;
            var dtype = torch.is_floating_point(tensor.dtype) ? type : tensor.dtype;
            tensor.Become(torch.empty(tensor.shape, dtype, device));
            if (recorded)
            {
                tensor.requires_grad_();
            }
        }
        NativeLayers.TakeParameters(module);
        return module;
    }
}
