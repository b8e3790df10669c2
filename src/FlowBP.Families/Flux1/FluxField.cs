// How a FLUX.1 transformer becomes a velocity field: which tensors of a conditioning it reads, how latents become its tokens,
// and how it is told time and guidance.
// Shape legend: B batch, L image tokens, M text tokens, E text width, P pooled width, C channels, Y X latent elements.

using FlowBP.Models.Layers;
using FlowBP.Models.Transformers;
using FlowBP.Surrogates;

namespace FlowBP.Families.Flux1;

/// <summary>Velocity fields of FLUX.1 transformers, and their conditionings.</summary>
public static class FluxField
{
    private const string Text = "encoder_hidden_states";
    private const string Pooled = "pooled_projections";

    /// <summary>The field of a transformer, pulled back block by block; it computes in the type of the parameters.</summary>
    /// <param name="transformer">The transformer; it stays the caller's.</param>
    /// <param name="guidance">Guidance scale of a guidance-distilled model; others ignore it.</param>
    /// <param name="checkpointing">How it is cut up for pullbacks; null: one block at a time.</param>
    /// <param name="gradients">Where gradients go, such as to masters in float32; null: to the parameters' <c>grad</c>.</param>
    public static BlockwiseVelocityField Blockwise(
        FluxTransformer2DModel transformer,
        double guidance,
        GradientCheckpointing? checkpointing = null,
        IParameterGradients? gradients = null
    ) => new(new FluxBlockwise(transformer, guidance), checkpointing, gradients);

    /// <summary>The field of a transformer; it computes in the type of the parameters.</summary>
    /// <param name="transformer">The transformer; it stays the caller's.</param>
    /// <param name="guidance">
    /// Guidance scale, an input of a guidance-distilled model (FLUX.1-dev: 3.5 to 4); others ignore it.
    /// </param>
    public static AutogradVelocityField Of(FluxTransformer2DModel transformer, double guidance) =>
        new(
            (x_BCYX, sigma_B, conditioning) =>
            {
                using var scope = torch.NewDisposeScope();
                var input = Input(transformer, guidance, x_BCYX, sigma_B, conditioning);
                return Latents(transformer.call(input), x_BCYX.shape).MoveToOuterDisposeScope();
            }
        );

    /// <summary>A conditioning that such a field reads.</summary>
    /// <param name="text_BME">Text sequence; ownership passes over.</param>
    /// <param name="pooled_BP">Pooled text; ownership passes over.</param>
    public static Conditioning Condition(Tensor text_BME, Tensor pooled_BP) =>
        new([new(Text, text_BME), new(Pooled, pooled_BP)]);

    /// <summary>What the transformer receives for latents.</summary>
    /// <param name="transformer">The transformer.</param>
    /// <param name="guidance">Guidance scale.</param>
    /// <param name="x_BCYX">Latents, not in patches.</param>
    /// <param name="sigma_B">Time.</param>
    /// <param name="conditioning">Text sequence and pooled text.</param>
    internal static FluxInput Input(
        FluxTransformer2DModel transformer,
        double guidance,
        Tensor x_BCYX,
        Tensor sigma_B,
        Conditioning conditioning
    )
    {
        var type = transformer.HeadParameters[0].dtype;
        var text_BME = conditioning[Text].to(type);
        var patches_BCYX = LatentPatches.Patchify(x_BCYX.to(type));
        return new FluxInput(
            LatentTokens.Pack(patches_BCYX),
            text_BME,
            conditioning[Pooled].to(type),
            sigma_B,
            transformer.Config.GuidanceEmbeds ? torch.full_like(sigma_B, guidance) : null,
            FluxPositions.Image(patches_BCYX.size(2), patches_BCYX.size(3), x_BCYX.device),
            FluxPositions.Text(text_BME.size(1), x_BCYX.device)
        );
    }

    /// <summary>A velocity as the latents are.</summary>
    /// <param name="velocity_BLC">What the transformer returned.</param>
    /// <param name="shape">Shape of the latents.</param>
    internal static Tensor Latents(Tensor velocity_BLC, IReadOnlyList<long> shape) =>
        LatentPatches.Unpatchify(
            LatentTokens.Unpack(velocity_BLC, shape[2] / LatentPatches.Side, shape[3] / LatentPatches.Side)
        );
}
