// What a network must say of itself so that it can be pulled back one block at a time. Every diffusion transformer is an
// embedding, blocks in order and a head; they differ in what travels between the blocks. So the streams are lists of tensors
// in three roles, and the roles decide what a pullback does with them: the moving ones are stored at each block's input, the
// shared ones (modulation vectors) collect a gradient from every block that goes through the embedding once, at the end, and
// the constants (rotary tables) get none.
//
// Parameters are asked for by part because a part is all that has to be present while it is pulled back: sharded parameters are
// gathered and released there.
// Shape legend: B batch, … the dimensions of one latent.

namespace FlowBP.Surrogates;

/// <summary>What travels through the blocks of a network. The lists may be empty, but for the first.</summary>
/// <param name="Moving">
/// Rewritten by every block, batch first: token streams. Their number may change from block to block.
/// </param>
/// <param name="Shared">Read by every block and by the head, written by the embedding alone; differentiable.</param>
/// <param name="Constants">Read by every block and by the head; no gradient flows to them.</param>
public sealed record BlockStreams(
    IReadOnlyList<Tensor> Moving,
    IReadOnlyList<Tensor> Shared,
    IReadOnlyList<Tensor> Constants
);

/// <summary>
/// A network whose forward pass is <see cref="Embed"/>, then <see cref="Block"/> 0 … <see cref="Blocks"/> − 1, then
/// <see cref="Head"/>. Every method is a differentiable function of its arguments and may be called from several threads.
/// </summary>
public interface IBlockwiseNetwork
{
    /// <summary>How many blocks there are, at least 1.</summary>
    int Blocks { get; }

    /// <summary>The streams as the first block receives them.</summary>
    /// <param name="x_B">Latents [B, …], in the storage type of the rollout.</param>
    /// <param name="sigma_B">As in <see cref="IVelocityField.Evaluate"/>.</param>
    /// <param name="conditioning">As in <see cref="IVelocityField.Evaluate"/>.</param>
    BlockStreams Embed(Tensor x_B, Tensor sigma_B, Conditioning conditioning);

    /// <summary>Applies one block.</summary>
    /// <param name="block">Which, from 0.</param>
    /// <param name="streams">What the block before it (or the embedding) left.</param>
    /// <returns>The moving streams after it: new tensors, none of those it was given.</returns>
    IReadOnlyList<Tensor> Block(int block, BlockStreams streams);

    /// <summary>The velocity [B, …].</summary>
    /// <param name="streams">What the last block left.</param>
    /// <param name="latentShape">Shape of the latents that were embedded, [B, …].</param>
    Tensor Head(BlockStreams streams, IReadOnlyList<long> latentShape);

    /// <summary>Leaves that <see cref="Embed"/> reads; the same objects at every call.</summary>
    IReadOnlyList<Tensor> EmbedParameters { get; }

    /// <summary>Leaves that a block reads; the same objects at every call.</summary>
    /// <param name="block">Which, from 0.</param>
    IReadOnlyList<Tensor> BlockParameters(int block);

    /// <summary>Leaves that <see cref="Head"/> reads; the same objects at every call.</summary>
    IReadOnlyList<Tensor> HeadParameters { get; }
}
