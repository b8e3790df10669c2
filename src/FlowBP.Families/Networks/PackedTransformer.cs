// What transformers of packed latents have in common: one token per patch of 2 × 2 latent elements (LatentPatches, LatentTokens),
// positions that are rotations, and a modulated norm and a projection as their head. Layers stay fields of the networks themselves,
// which register their own fields alone.
//
// Shapes: B batch, L image tokens, C channels of a token, N tokens of both streams, A axes.

using FlowBP.Models.Layers;
using FlowBP.Models.Transformers;

namespace FlowBP.Families.Networks;

/// <summary>A transformer that takes and gives packed latents.</summary>
/// <param name="name">The class's name in the ecosystem, for messages.</param>
/// <param name="channels">Channels of a token.</param>
/// <param name="textWidth">Width of the text sequence.</param>
/// <param name="takesGuidance">Whether the guidance scale is an input.</param>
/// <param name="axes">Elements of a head that each position axis turns.</param>
/// <param name="theta">Base of the rotations' frequencies.</param>
public abstract class PackedTransformer(
    string name,
    int channels,
    int textWidth,
    bool takesGuidance,
    IReadOnlyList<int> axes,
    double theta
) : FlowTransformer(name)
{
    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> HeadParameters =>
        [.. Output.Norm.parameters(), .. Output.Projection.parameters()];

    /// <inheritdoc/>
    public override int LatentChannels => channels / (LatentPatches.Side * LatentPatches.Side);

    /// <inheritdoc/>
    public override int PatchSize => LatentPatches.Side;

    /// <inheritdoc/>
    public override int TextWidth => textWidth;

    /// <inheritdoc/>
    public override bool TakesGuidance => takesGuidance;

    /// <inheritdoc/>
    public override int? PatchChannels => channels;

    /// <inheritdoc/>
    public override bool HasRotaryPositions => true;

    /// <summary>The layers of the head.</summary>
    private protected abstract (AdaLayerNormContinuous Norm, Linear Projection) Output { get; }

    /// <inheritdoc/>
    public override RotaryTable Rotary(TransformerInput input)
    {
        using var ids_NA = torch.cat([input.ImageIds_LA!, input.TextIds_MA!], 0);
        return RotaryTable.Of(ids_NA, axes, theta);
    }

    /// <summary>The velocity of the image's tokens, [B, L, C].</summary>
    /// <inheritdoc/>
    public override T Head<T>(INetworkOperations<T> ops, TokenStreams<T> streams, TokenGrid image)
    {
        using var scope = ops.Scope();
        var image_BLD = ops.Tokens(streams.Image, 0, image.Count);
        var normed_BLD = Output.Norm.Modulated(ops, image_BLD, streams.Shared[0]);
        return ops.Keep(ops.Linear(Output.Projection, normed_BLD));
    }
}
