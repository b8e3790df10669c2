namespace FlowBP.Torch;

/// <summary>Layers whose weights are held a second time by libtorch: this binding has none.</summary>
public static class NativeLayers
{
    /// <summary>Does nothing.</summary>
    /// <param name="module">The module.</param>
    public static void TakeParameters(torch.nn.Module module) => _ = module;
}
