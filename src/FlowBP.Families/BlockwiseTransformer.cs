// A transformer as the surrogates pull it back: its token streams move from block to block, its condition is shared by all blocks, the
// rotations of its tokens are constants.
//
// Shapes: B batch, C channels, Y X latent elements.

using FlowBP.Families.Networks;
using FlowBP.Models.Adapters;
using FlowBP.Models.Transformers;
using FlowBP.Surrogates;

namespace FlowBP.Families;

/// <summary>
/// A transformer, block by block. It computes in the type of its parameters; the time stays in the type it comes in, so that a
/// rollout and its pullbacks are told the same one.
/// </summary>
public sealed class BlockwiseTransformer : IBlockwiseNetwork
{
    private readonly FlowTransformer transformer;
    private readonly double guidance;
    private readonly IReadOnlyList<TransformerBlock> blocks;
    private readonly Tensor[][] blockParameters;

    /// <summary>Takes a transformer apart.</summary>
    /// <param name="transformer">The transformer; it stays the caller's.</param>
    /// <param name="guidance">Guidance scale, for networks that take it as an input.</param>
    /// <param name="adapter">
    /// An adapter of its layers, the caller's, or null. Its factors hang on the calls of the layers and are no parameters of the
    /// network; each belongs to the part that its layer is in.
    /// </param>
    public BlockwiseTransformer(FlowTransformer transformer, double guidance = 1, LoraAdapter? adapter = null)
    {
        this.transformer = transformer;
        this.guidance = guidance;
        blocks = transformer.Blocks;
        var factors = (adapter?.Layers ?? []).ToDictionary(
            layer => (Tensor)layer.Layer.weight!,
            layer => (Tensor[])[layer.A_RI, layer.B_OR],
            (IEqualityComparer<Tensor>)ReferenceEqualityComparer.Instance
        );
        EmbedParameters = WithFactors(transformer.EmbedParameters);
        HeadParameters = WithFactors(transformer.HeadParameters);
        blockParameters = [.. blocks.Select(block => WithFactors(block.parameters()))];

        Tensor[] WithFactors(IEnumerable<Tensor> parameters)
        {
            Tensor[] own = [.. parameters];
            return [.. own, .. own.SelectMany(each => factors.GetValueOrDefault(each, []))];
        }
    }

    /// <inheritdoc/>
    public int Blocks => blocks.Count;

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> EmbedParameters { get; }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> HeadParameters { get; }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> BlockParameters(int block) => blockParameters[block];

    /// <inheritdoc/>
    public BlockStreams Embed(Tensor x_BCYX, Tensor sigma_B, Conditioning conditioning)
    {
        using var scope = torch.NewDisposeScope();
        var input = transformer.Input(x_BCYX, sigma_B, conditioning, guidance);
        var rotary_N = transformer.Rotary(input);
        var streams = transformer.Embed(new TensorOperations(rotary_N), input);
        return new(
            Moved(Moving(streams)),
            Moved(streams.Shared),
            rotary_N is null ? [] : Moved([rotary_N.Cosine_NP, rotary_N.Sine_NP])
        );
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> Block(int block, BlockStreams streams)
    {
        var ops = transformer.Operations(streams.Moving[0], Rotary(streams));
        return Moving(blocks[block].Apply(ops, Tokens(streams)));
    }

    /// <inheritdoc/>
    public Tensor Head(BlockStreams streams, IReadOnlyList<long> latentShape)
    {
        using var scope = torch.NewDisposeScope();
        var ops = new TensorOperations(Rotary(streams));
        var velocity = transformer.Head(ops, Tokens(streams), transformer.GridOf(latentShape));
        return transformer.Velocity(velocity, latentShape).MoveToOuterDisposeScope();
    }

    private static Tensor[] Moved(IEnumerable<Tensor> tensors) =>
        [.. tensors.Select(tensor => tensor.MoveToOuterDisposeScope())];

    private static Tensor[] Moving(TokenStreams<Tensor> streams) =>
        streams.Text is null ? [streams.Image] : [streams.Image, streams.Text];

    private static TokenStreams<Tensor> Tokens(BlockStreams streams) =>
        new(streams.Moving[0], streams.Moving.Count == 1 ? null : streams.Moving[1], streams.Shared);

    private static RotaryTable? Rotary(BlockStreams streams) =>
        streams.Constants.Count == 0 ? null : new(streams.Constants[0], streams.Constants[1]);
}
