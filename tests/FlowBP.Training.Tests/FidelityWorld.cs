// Fields whose gradients can be written down, with a linear reward.
// Shape legend: B batch, D elements of a latent.

using FlowBP.Surrogates;
using FlowBP.Training.Devices;
using FlowBP.Training.Diagnosis;

namespace FlowBP.Training.Tests;

/// <summary>A field of three parameters, and what is diagnosed of it.</summary>
internal sealed class FidelityWorld : IDisposable
{
    public const int Steps = 5;
    public const ulong Seed = 7;
    public static readonly NoiseSchedule Schedule = NoiseSchedule.FlowMatchEuler(Steps);
    public static readonly float[] Direction = [2, -0.5f, 1];
    public static readonly float[] Theta = [0.8f, -1.1f, 0.3f];

    private readonly Tensor theta = torch.tensor(Theta).requires_grad_(true);
    private readonly Tensor a_D = torch.tensor(Direction);

    public FidelityWorld(
        Func<Tensor, Tensor, Conditioning, Tensor> velocity,
        int batch,
        float conditional = 0,
        float? negative = null
    )
    {
        Field = new((x_B, _, conditioning) => velocity(x_B, theta, conditioning));
        Subject = new()
        {
            Detached = null,
            Attached = Field,
            OrdersByDetached = false,
            Schedule = Schedule,
            Compute = ComputeDevice.Cpu,
            Executor = new() { Storage = ScalarType.Float32 },
            Reward = new LinearReward(a_D),
            Hinge = new(Threshold: 1e6),
            Parameters = [theta],
            LatentShape = [3],
            Seed = Seed,
            Conditions = _ => (Filled(batch, conditional, negative), Filled(batch, 0, null)),
        };
    }

    /// <summary>The field.</summary>
    public AutogradVelocityField Field { get; }

    /// <summary>What is diagnosed.</summary>
    public DiagnosisSubject Subject { get; }

    /// <summary>v = θ·x.</summary>
    public static FidelityWorld LinearWorld(int batch) => new((x_B, theta, _) => x_B * theta, batch);

    /// <summary>v = θ.</summary>
    public static FidelityWorld ConstantWorld(int batch) =>
        new((x_B, theta, _) => torch.zeros_like(x_B) + theta, batch);

    public void Dispose()
    {
        theta.Dispose();
        a_D.Dispose();
    }

    private static Conditioning Filled(int batch, float value, float? negative) =>
        new("c", Rows(batch, value), negative is { } other ? new("c", Rows(batch, other)) : null);

    private static Tensor Rows(int batch, float value) =>
        torch.tensor([.. Enumerable.Repeat(value, batch)], [batch, 1]);

    private sealed class LinearReward(Tensor a_D) : IReward
    {
        public Tensor Score(Tensor latents_R, Conditioning conditioning) => latents_R.matmul(a_D);
    }
}
