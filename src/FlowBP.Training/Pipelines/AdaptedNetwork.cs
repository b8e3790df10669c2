// An adapter's factors hang on the calls of a network's layers and are no parameters of theirs, so a pullback that asks the network
// for the parameters of a part would not find them. Here each part has those of its own layers too.
// Shape legend: B batch, C channels, Y X latent elements.

using FlowBP.Models.Adapters;
using FlowBP.Surrogates;

namespace FlowBP.Training.Pipelines;

/// <summary>A network with an adapter on it, as it is pulled back.</summary>
internal sealed class AdaptedNetwork : IBlockwiseNetwork
{
    private readonly IBlockwiseNetwork network;
    private readonly Dictionary<Tensor, Tensor[]> factors;
    private readonly Tensor[][] blockParameters;

    /// <summary>Adds the factors of an adapter to the parts that its layers belong to.</summary>
    /// <param name="network">The network.</param>
    /// <param name="adapter">An adapter of its layers; it stays the caller's.</param>
    public AdaptedNetwork(IBlockwiseNetwork network, LoraAdapter adapter)
    {
        this.network = network;
        factors = adapter.Layers.ToDictionary(
            layer => (Tensor)layer.Layer.weight!,
            layer => (Tensor[])[layer.A_RI, layer.B_OR],
            (IEqualityComparer<Tensor>)ReferenceEqualityComparer.Instance
        );
        EmbedParameters = WithFactors(network.EmbedParameters);
        HeadParameters = WithFactors(network.HeadParameters);
        blockParameters = [.. Enumerable.Range(0, network.Blocks).Select(i => WithFactors(network.BlockParameters(i)))];
    }

    /// <inheritdoc/>
    public int Blocks => network.Blocks;

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> EmbedParameters { get; }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> HeadParameters { get; }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> BlockParameters(int block) => blockParameters[block];

    /// <inheritdoc/>
    public BlockStreams Embed(Tensor x_BCYX, Tensor sigma_B, Conditioning conditioning) =>
        network.Embed(x_BCYX, sigma_B, conditioning);

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> Block(int block, BlockStreams streams) => network.Block(block, streams);

    /// <inheritdoc/>
    public Tensor Head(BlockStreams streams, IReadOnlyList<long> latentShape) => network.Head(streams, latentShape);

    private Tensor[] WithFactors(IReadOnlyList<Tensor> parameters) =>
        [
            .. parameters,
            .. parameters.SelectMany(parameter => factors.TryGetValue(parameter, out var found) ? found : []),
        ];
}
