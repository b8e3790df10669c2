// FLUX.1's transformer as the surrogates pull it back. Two token streams move until the single-stream blocks join them to one; the
// vector of time, guidance and pooled text is shared by all blocks; the rotations of the tokens are constants.
// Shape legend: B batch, C channels, Y X latent elements.

using FlowBP.Models.Layers;
using FlowBP.Models.Transformers;
using FlowBP.Surrogates;

namespace FlowBP.Families.Flux1;

/// <summary>
/// A FLUX.1 transformer, block by block. It computes in the type of its parameters; the time stays in the type it comes in, so
/// that a rollout and its pullbacks are told the same one.
/// </summary>
/// <param name="transformer">The transformer; it stays the caller's.</param>
/// <param name="guidance">Guidance scale, for models that take it as an input.</param>
internal sealed class FluxBlockwise(FluxTransformer2DModel transformer, double guidance)
    : BlockwiseTransformer<FluxBlock>(transformer.Blocks, transformer.EmbedParameters, transformer.HeadParameters)
{
    /// <inheritdoc/>
    public override BlockStreams Embed(Tensor x_BCYX, Tensor sigma_B, Conditioning conditioning)
    {
        using var scope = torch.NewDisposeScope();
        var input = FluxField.Input(transformer, guidance, x_BCYX, sigma_B, conditioning);
        var vector_BD = transformer.EmbedCondition(input.Timestep_B, input.Guidance_B, input.Pooled_BP);
        var rotary_N = transformer.Rotary(input.ImageIds_L3, input.TextIds_M3);
        var streams = transformer.Embed(input.Latents_BLC, input.Text_BME);
        return new(
            [streams.Hidden.MoveToOuterDisposeScope(), streams.Context!.MoveToOuterDisposeScope()],
            [vector_BD.MoveToOuterDisposeScope()],
            [rotary_N.Cosine_NP.MoveToOuterDisposeScope(), rotary_N.Sine_NP.MoveToOuterDisposeScope()]
        );
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Block(int block, BlockStreams streams)
    {
        var next = Parts[block].call(Tokens(streams), Condition(streams));
        return next.Context is null ? [next.Hidden] : [next.Hidden, next.Context];
    }

    /// <inheritdoc/>
    public override Tensor Head(BlockStreams streams, IReadOnlyList<long> latentShape)
    {
        using var scope = torch.NewDisposeScope();
        var tokens = latentShape[2] * latentShape[3] / (LatentPatches.Side * LatentPatches.Side);
        var velocity_BLC = transformer.Head(Tokens(streams), Condition(streams), tokens);
        return FluxField.Latents(velocity_BLC, latentShape).MoveToOuterDisposeScope();
    }

    private static FluxStreams Tokens(BlockStreams streams) =>
        new(streams.Moving[0], streams.Moving.Count == 1 ? null : streams.Moving[1]);

    private static FluxCondition Condition(BlockStreams streams) =>
        new(streams.Shared[0], new RotaryTable(streams.Constants[0], streams.Constants[1]));
}
