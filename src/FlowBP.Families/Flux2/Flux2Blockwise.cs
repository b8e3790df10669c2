// FLUX.2's transformer as the surrogates pull it back. Two token streams move until the single-stream blocks join them to one. All
// blocks share four vectors: that of the time, which the head reads, and the three modulations made of it; the rotations of the
// tokens are constants.
// Shape legend: B batch, C channels, Y X patches.

using FlowBP.Families.Flux1;
using FlowBP.Models.Transformers;
using FlowBP.Surrogates;

namespace FlowBP.Families.Flux2;

/// <summary>
/// A FLUX.2 transformer, block by block. It computes in the type of its parameters; the time stays in the type it comes in, so
/// that a rollout and its pullbacks are told the same one.
/// </summary>
/// <param name="transformer">The transformer; it stays the caller's.</param>
/// <param name="guidance">Guidance scale, for models that take it as an input.</param>
internal sealed class Flux2Blockwise(Flux2Transformer2DModel transformer, double guidance)
    : BlockwiseTransformer<Flux2Block>(transformer.Blocks, transformer.EmbedParameters, transformer.HeadParameters)
{
    /// <inheritdoc/>
    public override BlockStreams Embed(Tensor x_BCYX, Tensor sigma_B, Conditioning conditioning)
    {
        using var scope = torch.NewDisposeScope();
        var input = Flux2Field.Input(transformer, guidance, x_BCYX, sigma_B, conditioning);
        var rotary_N = transformer.Rotary(input.ImageIds_L4, input.TextIds_M4);
        var condition = transformer.EmbedCondition(input.Timestep_B, input.Guidance_B, rotary_N);
        var streams = transformer.Embed(input.Latents_BLC, input.Text_BME);
        return new(
            [streams.Hidden.MoveToOuterDisposeScope(), streams.Context!.MoveToOuterDisposeScope()],
            [
                condition.Vector_BD.MoveToOuterDisposeScope(),
                condition.Image_BE.MoveToOuterDisposeScope(),
                condition.Text_BE.MoveToOuterDisposeScope(),
                condition.Single_BE.MoveToOuterDisposeScope(),
            ],
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
        var (rows, columns) = (latentShape[2], latentShape[3]);
        var velocity_BLC = transformer.Head(Tokens(streams), Condition(streams), rows * columns);
        return LatentTokens.Unpack(velocity_BLC, rows, columns).MoveToOuterDisposeScope();
    }

    private static FluxStreams Tokens(BlockStreams streams) =>
        new(streams.Moving[0], streams.Moving.Count == 1 ? null : streams.Moving[1]);

    private static Flux2Condition Condition(BlockStreams streams) =>
        new(
            streams.Shared[0],
            streams.Shared[1],
            streams.Shared[2],
            streams.Shared[3],
            new RotaryTable(streams.Constants[0], streams.Constants[1])
        );
}
