// How a FLUX.2 transformer becomes a velocity field: which tensor of a conditioning it reads, how latents become its tokens,
// and how it is told the time. Its latents are patches already, normalised: one per token.
// Shape legend: B batch, M text tokens, E text width, C channels, Y X patches.

using FlowBP.Models.Transformers;
using FlowBP.Surrogates;

namespace FlowBP.Families.Flux2;

/// <summary>Velocity fields of FLUX.2 transformers, and their conditionings.</summary>
public static class Flux2Field
{
    private const string Text = "encoder_hidden_states";

    /// <summary>The field of a transformer, pulled back block by block; it computes in the type of the parameters.</summary>
    /// <param name="transformer">The transformer; it stays the caller's.</param>
    /// <param name="guidance">Guidance scale of a model that takes it as an input; Klein models ignore it.</param>
    /// <param name="checkpointing">How it is cut up for pullbacks; null: one block at a time.</param>
    /// <param name="gradients">Where gradients go, such as to masters in float32; null: to the parameters' <c>grad</c>.</param>
    public static BlockwiseVelocityField Blockwise(
        Flux2Transformer2DModel transformer,
        double guidance = 1,
        GradientCheckpointing? checkpointing = null,
        IParameterGradients? gradients = null
    ) => new(new Flux2Blockwise(transformer, guidance), checkpointing, gradients);

    /// <summary>The field of a transformer, without guidance; it computes in the type of the parameters.</summary>
    /// <param name="transformer">The transformer; it stays the caller's.</param>
    /// <param name="guidance">Guidance scale of a model that takes it as an input; Klein models ignore it.</param>
    public static AutogradVelocityField Of(Flux2Transformer2DModel transformer, double guidance = 1) =>
        new(
            (x_BCYX, sigma_B, conditioning) =>
            {
                using var scope = torch.NewDisposeScope();
                var input = Input(transformer, guidance, x_BCYX, sigma_B, conditioning);
                return LatentTokens
                    .Unpack(transformer.call(input), x_BCYX.size(2), x_BCYX.size(3))
                    .MoveToOuterDisposeScope();
            }
        );

    /// <summary>A conditioning that such a field reads.</summary>
    /// <param name="text_BME">Text sequence; ownership passes over.</param>
    public static Conditioning Condition(Tensor text_BME) => new(Text, text_BME);

    /// <summary>What the transformer receives for latents.</summary>
    /// <param name="transformer">The transformer.</param>
    /// <param name="guidance">Guidance scale.</param>
    /// <param name="x_BCYX">Normalised patches.</param>
    /// <param name="sigma_B">Time.</param>
    /// <param name="conditioning">Text sequence.</param>
    internal static Flux2Input Input(
        Flux2Transformer2DModel transformer,
        double guidance,
        Tensor x_BCYX,
        Tensor sigma_B,
        Conditioning conditioning
    )
    {
        var type = transformer.HeadParameters[0].dtype;
        var text_BME = conditioning[Text].to(type);
        return new Flux2Input(
            LatentTokens.Pack(x_BCYX.to(type)),
            text_BME,
            sigma_B,
            transformer.Config.GuidanceEmbeds ? torch.full_like(sigma_B, guidance) : null,
            Flux2Positions.Image(x_BCYX.size(2), x_BCYX.size(3), x_BCYX.device),
            Flux2Positions.Text(text_BME.size(1), x_BCYX.device)
        );
    }
}
