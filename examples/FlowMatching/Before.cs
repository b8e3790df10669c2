// Before: flow matching as one writes it with TorchSharp. The network learns to carry noise to points on a ring; nothing in
// this file knows of rewards or of surrogates. (Weights and random numbers come from seeded streams instead of the tensor library's
// generator, so that every run of the example prints the same.)
// Shape legend: B batch, 2 coordinates of a point.

using FlowBP.Models.Layers;
using FlowBP.RandomStreams;

namespace FlowBP.Examples.FlowMatching;

/// <summary>A velocity in the plane: dx/dσ at a point and a time, with noise at σ = 1.</summary>
internal sealed class VelocityNetwork : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly Sequential layers;

    public VelocityNetwork()
        : base(nameof(VelocityNetwork))
    {
        layers = nn.Sequential(nn.Linear(3, 96), nn.SiLU(), nn.Linear(96, 96), nn.SiLU(), nn.Linear(96, 2));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_B2, Tensor sigma_B) =>
        layers.call(torch.cat([x_B2, sigma_B.unsqueeze(1)], 1));
}

/// <summary>The trainer that was there already.</summary>
internal static class Before
{
    public const double Radius = 2;
    private const int Batch = 256;

    public static VelocityNetwork Train(int steps)
    {
        var network = new VelocityNetwork();
        ParameterInitialization.Apply(network, seed: 1);
        using var optimizer = torch.optim.AdamW(network.parameters(), lr: 3e-3);
        for (var step = 0; step < steps; step++)
        {
            using var scope = torch.NewDisposeScope();
            var data_B2 = Ring(step);
            var noise_B2 = Normal(step, Batch, 2);
            var sigma_B = Uniform(step, RandomPurpose.Weights);
            var x_B2 = data_B2 + sigma_B.unsqueeze(1) * (noise_B2 - data_B2);
            var error_B2 = network.call(x_B2, sigma_B) - (noise_B2 - data_B2);
            optimizer.zero_grad();
            (error_B2 * error_B2).mean().backward();
            optimizer.step();
        }
        return network;
    }

    public static Tensor Normal(int step, params long[] shape)
    {
        var values = new float[shape.Aggregate(1L, (product, size) => product * size)];
        RandomStream.For(1, step, 0, RandomPurpose.InitialNoise).FillNormal(values);
        return torch.tensor(values, shape);
    }

    private static Tensor Ring(int step)
    {
        var angle_B = Uniform(step, RandomPurpose.Renoise) * (2 * Math.PI);
        return torch.stack([angle_B.cos(), angle_B.sin()], 1) * Radius;
    }

    private static Tensor Uniform(int step, RandomPurpose purpose)
    {
        var stream = RandomStream.For(1, step, 0, purpose);
        return torch.tensor([.. Enumerable.Range(0, Batch).Select(_ => (float)stream.NextDouble())]);
    }
}
