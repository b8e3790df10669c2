// A transformer as the surrogates pull it back: its token streams move from block to block, its condition is shared by all blocks.
// The blocks are called by whoever pulls back, without this class in between.
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
/// <param name="transformer">The transformer; it stays the caller's.</param>
/// <param name="guidance">Guidance scale, for networks that take it as an input.</param>
/// <param name="adapter">
/// An adapter of its layers, the caller's, or null. Its factors hang on the calls of the layers and are no parameters of the
/// network; each belongs to the part that its layer is in.
/// </param>
public sealed class BlockwiseTransformer(FlowTransformer transformer, double guidance = 1, LoraAdapter? adapter = null)
    : IBlockwiseNetwork
{
    /// <inheritdoc/>
    public IReadOnlyList<NetworkBlock> Blocks { get; } =
    [.. transformer.Blocks.Select(block => new NetworkBlock(block.Apply, Leaves(block.parameters(), adapter)))];

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> EmbedParameters { get; } = Leaves(transformer.EmbedParameters, adapter);

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> HeadParameters { get; } = Leaves(transformer.HeadParameters, adapter);

    /// <inheritdoc/>
    public BlockStreams Embed(Tensor x_BCYX, Tensor sigma_B, Conditioning conditioning)
    {
        using var scope = torch.NewDisposeScope();
        var input = transformer.Input(x_BCYX, sigma_B, conditioning, guidance);
        var rotary_N = transformer.Rotary(input);
        var streams = transformer.Embed(new TensorOperations(rotary_N), input);
        return new TransformerStreams(
            Moved(streams.Moving),
            Moved(streams.Shared),
            transformer,
            rotary_N is null ? null : new(Moved(rotary_N.Cosine_NP), Moved(rotary_N.Sine_NP))
        );
    }

    /// <inheritdoc/>
    public Tensor Head(BlockStreams streams, IReadOnlyList<long> latentShape)
    {
        using var scope = torch.NewDisposeScope();
        var own = (TransformerStreams)streams;
        var ops = new TensorOperations(own.Rotary_N);
        var velocity = transformer.Head(ops, own.Tokens, transformer.GridOf(latentShape));
        return transformer.Velocity(velocity, latentShape).MoveToOuterDisposeScope();
    }

    private static Tensor[] Leaves(IEnumerable<Tensor> parameters, LoraAdapter? adapter)
    {
        Tensor[] own = [.. parameters];
        var weights = own.ToHashSet<Tensor>(ReferenceEqualityComparer.Instance);
        var adapted = (adapter?.Layers ?? []).Where(layer => weights.Contains(layer.Layer.weight!));
        return [.. own, .. adapted.SelectMany(layer => (Tensor[])[layer.A_RI, layer.B_OR])];
    }

    private static Tensor[] Moved(IEnumerable<Tensor> tensors) => [.. tensors.Select(Moved)];

    private static Tensor Moved(Tensor tensor) => tensor.MoveToOuterDisposeScope();
}
