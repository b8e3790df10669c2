// Adapters of a small Stable Diffusion 3 that do something, and what the network gives with them.

using FlowBP.Families.SD3;
using FlowBP.Models.Adapters;
using static FlowBP.Models.Tests.TestNetworks;

namespace FlowBP.Models.Tests;

/// <summary>A network with an adapter, and its output.</summary>
internal static class TrainedAdapters
{
    /// <summary>The adapter's settings.</summary>
    public static readonly LoraConfig Config = new()
    {
        Rank = 4,
        Alpha = 6,
        TargetModules = SD3Family.AdapterTargets,
    };

    /// <summary>Attaches an adapter whose second factors are not zero.</summary>
    public static LoraAdapter Trained(SD3Transformer2DModel model)
    {
        var adapter = LoraAdapter.Attach(model, Config, seed: 3);
        using var noGrad = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        foreach (var layer in adapter.Layers)
        {
            layer.B_OR.copy_(Waves(layer.B_OR.shape) * 0.3);
        }
        return adapter;
    }

    /// <summary>The numbers of <see cref="Output"/>, without autograd.</summary>
    public static float[] Velocity(SD3Transformer2DModel model)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        return Values(Output(model));
    }

    /// <summary>The network's velocity for inputs that are always the same.</summary>
    public static Tensor Output(SD3Transformer2DModel model) =>
        model.call(new(Waves(2, 4, 8, 8), Waves(2, 5, 12), Waves(2, 6), torch.tensor(new float[] { 300, 700 })));
}
