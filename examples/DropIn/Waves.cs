// What the network learns: sequences of tokens that are samples of sine waves. Seeded, so that both loops see the same.
// Shape legend: B batch, L tokens, C channels of a token.

using FlowBP.RandomStreams;

namespace FlowBP.Examples.DropIn;

/// <summary>Data, noise and times of a training step.</summary>
/// <param name="X_BLC">Noisy tokens, (1 − σ)·data + σ·noise.</param>
/// <param name="Sigma_B">Their σ.</param>
/// <param name="Velocity_BLC">What the network is asked for: noise − data.</param>
internal readonly record struct Waves(Tensor X_BLC, Tensor Sigma_B, Tensor Velocity_BLC)
{
    private const int Batch = 8;
    private const int Tokens = 32;
    private const int Channels = 4;

    /// <summary>Those of a step, in the current dispose scope.</summary>
    public static Waves Of(int step)
    {
        using var scope = torch.NewDisposeScope();
        var noise = new float[Batch * Tokens * Channels];
        RandomStream.For(1, step, 0, RandomPurpose.InitialNoise).FillNormal(noise);
        var noise_BLC = torch.tensor(noise).reshape(Batch, Tokens, Channels);
        var phase_B11 = Uniform(step, RandomPurpose.Renoise).reshape(Batch, 1, 1) * (2 * Math.PI);
        var token_L1 = torch.arange(Tokens, dtype: ScalarType.Float32).unsqueeze(1);
        var channel_C = torch.arange(1, Channels + 1, dtype: ScalarType.Float32);
        var data_BLC = (token_L1 * channel_C * 0.2 + phase_B11).sin();
        var sigma_B = Uniform(step, RandomPurpose.Weights);
        var velocity_BLC = noise_BLC - data_BLC;
        var x_BLC = data_BLC + sigma_B.reshape(Batch, 1, 1) * velocity_BLC;
        return new(
            x_BLC.MoveToOuterDisposeScope(),
            sigma_B.MoveToOuterDisposeScope(),
            velocity_BLC.MoveToOuterDisposeScope()
        );
    }

    private static Tensor Uniform(int step, RandomPurpose purpose)
    {
        var stream = RandomStream.For(1, step, 0, purpose);
        return torch.tensor([.. Enumerable.Range(0, Batch).Select(_ => (float)stream.NextDouble())]);
    }
}
