// What a network must say of itself so that it can be pulled back one block at a time. Every diffusion transformer is an
// embedding, blocks in order and a head; they differ in what travels between the blocks. So the streams are lists of tensors
// in two roles, and the roles decide what a pullback does with them: the moving ones are stored at each block's input, the
// shared ones (modulation vectors) collect a gradient from every block that goes through the embedding once, at the end.
// What else blocks read (rotary tables) is constant, and a network's own: it derives a record from BlockStreams.
//
// Parameters are asked for by part because a part is all that has to be present while it is pulled back: sharded parameters are
// gathered and released there.
// Shape legend: B batch, … the dimensions of one latent.

namespace FlowBP.Surrogates;

/// <summary>
/// What travels through the blocks of a network. A derived record's own members go from the embedding to every block and to the
/// head as they are; no gradient flows to them.
/// </summary>
/// <param name="Moving">
/// Rewritten by every block, batch first: token streams, at least one. Their number may change from block to block.
/// </param>
/// <param name="Shared">Read by every block and by the head, written by the embedding alone; differentiable; may be empty.</param>
public record BlockStreams(IReadOnlyList<Tensor> Moving, IReadOnlyList<Tensor> Shared);

/// <summary>A block of a network.</summary>
/// <param name="Apply">
/// The moving streams after it, from what the block before it (or the embedding) left: new tensors, none of those it was given.
/// A differentiable function that may be called from several threads.
/// </param>
/// <param name="Parameters">Leaves that it reads; the same objects at every call.</param>
public sealed record NetworkBlock(Func<BlockStreams, IReadOnlyList<Tensor>> Apply, IReadOnlyList<Tensor> Parameters);

/// <summary>
/// A network whose forward pass is <see cref="Embed"/>, then every one of <see cref="Blocks"/>, then <see cref="Head"/>. Both
/// methods are differentiable functions of their arguments and may be called from several threads.
/// </summary>
public interface IBlockwiseNetwork
{
    /// <summary>The blocks in order, at least 1; always the same ones.</summary>
    IReadOnlyList<NetworkBlock> Blocks { get; }

    /// <summary>The streams as the first block receives them.</summary>
    /// <param name="x_B">Latents [B, …], in the storage type of the rollout.</param>
    /// <param name="sigma_B">As in <see cref="IVelocityField.Evaluate"/>.</param>
    /// <param name="conditioning">As in <see cref="IVelocityField.Evaluate"/>.</param>
    BlockStreams Embed(Tensor x_B, Tensor sigma_B, Conditioning conditioning);

    /// <summary>The velocity [B, …].</summary>
    /// <param name="streams">What the last block left.</param>
    /// <param name="latentShape">Shape of the latents that were embedded, [B, …].</param>
    Tensor Head(BlockStreams streams, IReadOnlyList<long> latentShape);

    /// <summary>Leaves that <see cref="Embed"/> reads; the same objects at every call.</summary>
    IReadOnlyList<Tensor> EmbedParameters { get; }

    /// <summary>Leaves that <see cref="Head"/> reads; the same objects at every call.</summary>
    IReadOnlyList<Tensor> HeadParameters { get; }
}
