// How a Stable Diffusion 3 transformer becomes a velocity field: which tensors of a conditioning it reads, and in what unit
// it is told the time.
// Shape legend: B batch, L tokens, E text width, P pooled width, C channels, Y X latent elements.

using FlowBP.Surrogates;

namespace FlowBP.Families.SD3;

/// <summary>Velocity fields of Stable Diffusion 3 transformers, and their conditionings.</summary>
public static class SD3Field
{
    internal const string Text = "encoder_hidden_states";
    internal const string Pooled = "pooled_projections";

    /// <summary>The timestep of σ = 1 in every released model.</summary>
    public const int ReleasedTimesteps = 1000;

    /// <summary>The field of a transformer, without guidance, pulled back block by block.</summary>
    /// <param name="transformer">
    /// The transformer; it stays the caller's. The field computes in the type of its parameters at each call.
    /// </param>
    /// <param name="checkpointing">How it is cut up for pullbacks; null: one block at a time.</param>
    /// <param name="gradients">Where gradients go, such as to masters in float32; null: to the parameters' <c>grad</c>.</param>
    /// <param name="timesteps">The timestep of σ = 1.</param>
    public static BlockwiseVelocityField Blockwise(
        SD3Transformer2DModel transformer,
        GradientCheckpointing? checkpointing = null,
        IParameterGradients? gradients = null,
        int timesteps = ReleasedTimesteps
    ) => new(new SD3Blockwise(transformer, timesteps), checkpointing, gradients);

    /// <summary>The field of a transformer, without guidance, pulled back by plain autograd; it computes in float32.</summary>
    /// <param name="transformer">The transformer; it stays the caller's.</param>
    /// <param name="timesteps">The timestep of σ = 1.</param>
    public static AutogradVelocityField Of(SD3Transformer2DModel transformer, int timesteps = ReleasedTimesteps) =>
        new(
            (x_BCYX, sigma_B, conditioning) =>
            {
                using var scope = torch.NewDisposeScope();
                return transformer
                    .call(x_BCYX.to(ScalarType.Float32), conditioning[Text], conditioning[Pooled], sigma_B * timesteps)
                    .MoveToOuterDisposeScope();
            }
        );

    /// <summary>A conditioning that such a field reads.</summary>
    /// <param name="text_BLE">Text sequence; ownership passes over.</param>
    /// <param name="pooled_BP">Pooled text; ownership passes over.</param>
    /// <param name="negative">The negative branch of guidance, or null.</param>
    public static Conditioning Condition(Tensor text_BLE, Tensor pooled_BP, Conditioning? negative = null) =>
        new([new(Text, text_BLE), new(Pooled, pooled_BP)], negative);
}
