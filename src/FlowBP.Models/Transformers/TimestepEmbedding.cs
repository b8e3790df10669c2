// How a time (or a guidance scale) becomes a vector: sinusoids, then two linear layers. All three families do it alike.
//
// Shapes: B batch, F frequencies, E embedding (twice F), D width.

namespace FlowBP.Models.Transformers;

internal static class Sinusoids
{
    /// <summary>
    /// Cosines, then sines, of the time at frequencies 10000^(−i / F). In float32 like the implementation that the
    /// weights were trained with: at times near 1000 the last bit of a frequency is visible in the phase.
    /// </summary>
    /// <param name="timestep_B">Times, in [0, 1000].</param>
    /// <param name="width">2F.</param>
    public static Tensor Of(Tensor timestep_B, int width)
    {
        var type = timestep_B.dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        var frequencies = width / 2;
        var index_F = torch.arange(frequencies, dtype: type, device: timestep_B.device);
        var frequency_F = (index_F * -Math.Log(10000) / frequencies).exp();
        var phase_BF = timestep_B.to_type(type).unsqueeze(1) * frequency_F;
        return torch.cat([phase_BF.cos(), phase_BF.sin()], 1);
    }
}

/// <summary>Linear, SiLU, linear.</summary>
internal sealed class TwoLayerEmbedding : nn.Module
{
    private readonly Linear linear_1;
    private readonly Linear linear_2;
    private readonly int inputs;

    public TwoLayerEmbedding(int inputs, int width, bool bias = true)
        : base(nameof(TwoLayerEmbedding))
    {
        this.inputs = inputs;
        linear_1 = nn.Linear(inputs, width, hasBias: bias);
        linear_2 = nn.Linear(width, width, hasBias: bias);
        RegisterComponents();
    }

    /// <summary>The embedding of a vector per sample.</summary>
    public T Embed<T>(INetworkOperations<T> ops, T x_BE)
        where T : class => ops.Linear(linear_2, ops.Silu(ops.Linear(linear_1, x_BE)));

    /// <summary>The embedding of a number per sample through its sinusoids, in the type of the weights.</summary>
    /// <param name="ops">What computes.</param>
    /// <param name="scalar_B">The number.</param>
    /// <param name="scale">What makes it a time in [0, 1000].</param>
    public T EmbedScalar<T>(INetworkOperations<T> ops, T scalar_B, double scale = 1)
        where T : class =>
        Embed(
            ops,
            ops.Encoded(
                scalar_B,
                inputs,
                x_B => Sinusoids.Of(scale == 1 ? x_B : x_B * scale, inputs).to_type(linear_1.weight.dtype)
            )
        );
}
