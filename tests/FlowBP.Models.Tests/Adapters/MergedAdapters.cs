using FlowBP.Models.Adapters;

namespace FlowBP.Models.Tests;

internal static class MergedAdapters
{
    /// <summary>Puts the merged weights into the model itself, and takes the adapter off it.</summary>
    public static void Merge(this LoraAdapter adapter, nn.Module model)
    {
        using var noGrad = torch.no_grad();
        var parameters = model.named_parameters().ToDictionary(item => item.name, item => item.parameter);
        foreach (var (name, merge) in adapter.MergedWeights)
        {
            using var merged = merge();
            parameters[name].copy_(merged);
        }
        adapter.Detach();
    }
}
