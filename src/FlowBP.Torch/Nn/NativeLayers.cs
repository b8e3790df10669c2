namespace FlowBP.Torch;

/// <summary>Layers whose weights are held a second time by libtorch: this binding has none.</summary>
public static class NativeLayers
{
    /// <summary>A table whose rows are looked up by index; without memory while new tensors go to the <c>meta</c> device.</summary>
    /// <param name="rows">Rows.</param>
    /// <param name="width">Numbers per row.</param>
    /// <param name="dtype">Their type; null: the default.</param>
    /// <returns>The layer, with a weight of [rows, width].</returns>
    public static Modules.Embedding Embedding(long rows, long width, torch.ScalarType? dtype = null) =>
        torch.nn.Embedding(rows, width, dtype: dtype);

    /// <summary>Does nothing.</summary>
    /// <param name="module">The module.</param>
    public static void TakeParameters(torch.nn.Module module) => _ = module;
}
