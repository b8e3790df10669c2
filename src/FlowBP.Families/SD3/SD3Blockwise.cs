// The Stable Diffusion 3 transformer as the surrogates pull it back: two token streams move, the condition of time and pooled text is
// shared by all blocks, nothing is constant.
// Shape legend: B batch, L image tokens, M text tokens, D width, C channels, Y X latent elements.

using FlowBP.Surrogates;

namespace FlowBP.Families.SD3;

/// <summary>
/// A Stable Diffusion 3 transformer, block by block. It computes in the type of its parameters; the time stays in the type it comes
/// in, so that a rollout and its pullbacks are told the same one.
/// </summary>
/// <param name="transformer">The transformer; it stays the caller's.</param>
/// <param name="timesteps">The timestep of σ = 1.</param>
internal sealed class SD3Blockwise(SD3Transformer2DModel transformer, int timesteps)
    : BlockwiseTransformer<JointTransformerBlock>(
        transformer.Blocks,
        Parameters(transformer, name => !IsHeads(name) && !name.StartsWith(BlockPrefix, StringComparison.Ordinal)),
        Parameters(transformer, IsHeads)
    )
{
    private const string BlockPrefix = "transformer_blocks.";

    /// <inheritdoc/>
    public override BlockStreams Embed(Tensor x_BCYX, Tensor sigma_B, Conditioning conditioning)
    {
        using var scope = torch.NewDisposeScope();
        var type = HeadParameters[0].dtype;
        var condition_BD = transformer.EmbedCondition(sigma_B * timesteps, conditioning[SD3Field.Pooled].to(type));
        var streams = transformer.Embed(x_BCYX.to(type), conditioning[SD3Field.Text].to(type));
        return new(
            [streams.Hidden.MoveToOuterDisposeScope(), streams.Context!.MoveToOuterDisposeScope()],
            [condition_BD.MoveToOuterDisposeScope()],
            []
        );
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Block(int block, BlockStreams streams)
    {
        var next = Parts[block].call(new SD3Streams(streams.Moving[0], streams.Moving[1]), streams.Shared[0]);
        return next.Context is null ? [next.Hidden] : [next.Hidden, next.Context];
    }

    /// <inheritdoc/>
    public override Tensor Head(BlockStreams streams, IReadOnlyList<long> latentShape) =>
        transformer.Head(streams.Moving[0], streams.Shared[0], latentShape[2], latentShape[3]);

    private static bool IsHeads(string name) =>
        name.StartsWith("norm_out.", StringComparison.Ordinal)
        || name.StartsWith("proj_out.", StringComparison.Ordinal);

    private static Tensor[] Parameters(SD3Transformer2DModel transformer, Func<string, bool> belongs) =>
        [.. transformer.named_parameters().Where(each => belongs(each.name)).Select(each => each.parameter)];
}
