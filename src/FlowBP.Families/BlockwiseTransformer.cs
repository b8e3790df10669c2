// What the adapters of all transformers have in common: which parameters belong to the embedding, to each block and to the head.
// Shape legend: B batch, C channels, Y X latent elements.

using FlowBP.Surrogates;

namespace FlowBP.Families;

/// <summary>A transformer, block by block; a family says what travels between its blocks.</summary>
/// <typeparam name="TBlock">Type of the blocks.</typeparam>
/// <param name="blocks">The blocks in order; they stay the transformer's.</param>
/// <param name="embedParameters">What the embedding reads.</param>
/// <param name="headParameters">What the head reads.</param>
internal abstract class BlockwiseTransformer<TBlock>(
    IEnumerable<TBlock> blocks,
    IEnumerable<Tensor> embedParameters,
    IEnumerable<Tensor> headParameters
) : IBlockwiseNetwork
    where TBlock : nn.Module
{
    private readonly Tensor[][] blockParameters = [.. blocks.Select(block => (Tensor[])[.. block.parameters()])];

    /// <inheritdoc/>
    public int Blocks => Parts.Length;

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> EmbedParameters { get; } = [.. embedParameters];

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> HeadParameters { get; } = [.. headParameters];

    /// <summary>The blocks in order.</summary>
    protected TBlock[] Parts { get; } = [.. blocks];

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> BlockParameters(int block) => blockParameters[block];

    /// <inheritdoc/>
    public abstract BlockStreams Embed(Tensor x_BCYX, Tensor sigma_B, Conditioning conditioning);

    /// <inheritdoc/>
    public abstract IReadOnlyList<Tensor> Block(int block, BlockStreams streams);

    /// <inheritdoc/>
    public abstract Tensor Head(BlockStreams streams, IReadOnlyList<long> latentShape);
}
