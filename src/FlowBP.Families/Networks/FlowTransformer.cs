// A velocity network as every family has it: an embedding, blocks in order, a head. Each of the three is written once, over a network's
// operations (INetworkOperations): training pulls back through them block by block, the rollout runs the blocks on fused kernels, a
// plan walks through them on paper.
//
// Shapes: B batch, C channels, Y X latent elements, L image tokens.

using FlowBP.Kernels;
using FlowBP.Models.Transformers;
using FlowBP.Surrogates;

namespace FlowBP.Families.Networks;

/// <summary>A block: streams in, streams out.</summary>
/// <param name="name">The kind, for messages.</param>
public abstract class TransformerBlock(string name) : nn.Module(name)
{
    /// <summary>Applies the block.</summary>
    /// <param name="ops">What computes.</param>
    /// <param name="streams">What the block before it, or the embedding, left; nothing of it is written to.</param>
    public abstract TokenStreams<T> Apply<T>(INetworkOperations<T> ops, TokenStreams<T> streams)
        where T : class;

    /// <summary>Applies the block in a network that is pulled back block by block.</summary>
    /// <param name="streams">The <see cref="TransformerStreams"/> that the block before it, or the embedding, left.</param>
    /// <returns>The moving streams after it.</returns>
    internal IReadOnlyList<Tensor> Apply(BlockStreams streams)
    {
        var own = (TransformerStreams)streams;
        return Apply(own.Network.Operations(own.Moving[0], own.Rotary_N), own.Tokens).Moving;
    }
}

/// <summary>A network that predicts a velocity from latents, a time and a prompt.</summary>
/// <param name="name">The class's name in the ecosystem, for messages.</param>
public abstract class FlowTransformer(string name) : nn.Module<TransformerInput, Tensor>(name)
{
    /// <summary>The text sequence in a conditioning.</summary>
    protected const string Text = "encoder_hidden_states";

    /// <summary>The pooled text in a conditioning.</summary>
    protected const string Pooled = "pooled_projections";

    /// <summary>The blocks, in order.</summary>
    public abstract IReadOnlyList<TransformerBlock> Blocks { get; }

    /// <summary>What <see cref="Embed"/> reads, blocks and head apart.</summary>
    public abstract IReadOnlyList<Parameter> EmbedParameters { get; }

    /// <summary>What <see cref="Head"/> reads.</summary>
    public abstract IReadOnlyList<Parameter> HeadParameters { get; }

    /// <summary>Channels of a latent, as the autoencoder gives it.</summary>
    public abstract int LatentChannels { get; }

    /// <summary>Latent elements per side of an image token.</summary>
    public abstract int PatchSize { get; }

    /// <summary>Width of the text sequence.</summary>
    public abstract int TextWidth { get; }

    /// <summary>Width of the pooled text; null where the network reads none.</summary>
    public virtual int? PooledWidth => null;

    /// <summary>Whether the guidance scale is an input.</summary>
    public virtual bool TakesGuidance => false;

    /// <summary>Latent elements per side that the network was made for; null: as its autoencoder says.</summary>
    public virtual int? SampleSize => null;

    /// <summary>The most tokens along a side that it has positions for; null: any number.</summary>
    public virtual int? MostTokensPerSide => null;

    /// <summary>Channels of a token, where tokens are patches of the autoencoder's latents; null: the network takes latents.</summary>
    public virtual int? PatchChannels => null;

    /// <summary>The timestep of σ = 1, for networks that are told the time in steps of their training.</summary>
    public int TrainTimesteps { get; set; } = 1000;

    /// <summary>The configuration, as it is written beside the weights.</summary>
    public abstract string ConfigJson { get; }

    /// <summary>
    /// Fused operations that evaluations without gradients, of a rollout, use wherever the tensors are where the kernels work, in
    /// Float32 or BFloat16. Their results differ in the last bits from those of the separate operations. Null: separate ones.
    /// </summary>
    public IRolloutKernels? RolloutKernels { get; set; }

    /// <summary>The streams as the first block receives them.</summary>
    /// <param name="ops">What computes.</param>
    /// <param name="input">Latents, prompt, time.</param>
    public abstract TokenStreams<T> Embed<T>(INetworkOperations<T> ops, TransformerInput<T> input)
        where T : class;

    /// <summary>What the network returns, from what the last block left.</summary>
    /// <param name="ops">What computes.</param>
    /// <param name="streams">The streams.</param>
    /// <param name="image">The image's tokens.</param>
    public abstract T Head<T>(INetworkOperations<T> ops, TokenStreams<T> streams, TokenGrid image)
        where T : class;

    /// <summary>What the network receives for latents.</summary>
    /// <param name="x_BCYX">Noisy latents, of any type.</param>
    /// <param name="sigma_B">Time, σ in [0, 1]; it stays in its type.</param>
    /// <param name="conditioning">What <see cref="Condition"/> made.</param>
    /// <param name="guidance">Guidance scale, for networks that take it.</param>
    public abstract TransformerInput Input(Tensor x_BCYX, Tensor sigma_B, Conditioning conditioning, double guidance);

    /// <summary>A velocity in the latents' layout.</summary>
    /// <param name="velocity">What <see cref="Head"/> returned.</param>
    /// <param name="shape">Shape of the latents, [B, C, Y, X].</param>
    public abstract Tensor Velocity(Tensor velocity, IReadOnlyList<long> shape);

    /// <summary>A conditioning that the network reads.</summary>
    /// <param name="text_BME">Text sequence; ownership passes over.</param>
    /// <param name="pooled_BP">Pooled text; ownership passes over; null where the network reads none.</param>
    /// <param name="negative">The negative branch of guidance, or null.</param>
    public static Conditioning Condition(Tensor text_BME, Tensor? pooled_BP = null, Conditioning? negative = null) =>
        new(pooled_BP is null ? [new(Text, text_BME)] : [new(Text, text_BME), new(Pooled, pooled_BP)], negative);

    /// <summary>Whether positions are rotations of queries and keys.</summary>
    public virtual bool HasRotaryPositions => false;

    /// <summary>Rotations of all tokens, the image's first; null: the network's positions are no rotations.</summary>
    /// <param name="input">Where the tokens are.</param>
    public virtual RotaryTable? Rotary(TransformerInput input) => null;

    /// <summary>Elements per side of a token in the latents that <see cref="Input"/> takes.</summary>
    public virtual int TokenSide => PatchSize;

    /// <summary>The image's tokens.</summary>
    /// <param name="shape">Of latents, [B, C, Y, X], or of tokens, [B, L, C].</param>
    public TokenGrid GridOf(IReadOnlyList<long> shape) =>
        shape.Count == 3 ? new(shape[1], 1) : new(shape[2] / TokenSide, shape[3] / TokenSide);

    /// <summary>What computes a block on a stream.</summary>
    internal TensorOperations Operations(Tensor stream_BLD, RotaryTable? rotary_N) =>
        RolloutKernels is { } kernels && FusedOperations.Serves(kernels, stream_BLD)
            ? new FusedOperations(kernels, rotary_N)
            : new TensorOperations(rotary_N);

    /// <summary>The type of the parameters, in which the network computes.</summary>
    internal ScalarType ComputeType => HeadParameters[0].dtype;

    /// <summary>What the network returns.</summary>
    /// <param name="input">Latents, prompt, time.</param>
    public override Tensor forward(TransformerInput input)
    {
        using var scope = torch.NewDisposeScope();
        var rotary_N = Rotary(input);
        var ops = new TensorOperations(rotary_N);
        var streams = Embed(ops, input);
        foreach (var block in Blocks)
        {
            streams = block.Apply(Operations(streams.Image, rotary_N), streams);
        }
        return Head(ops, streams, GridOf(input.Latents.shape)).MoveToOuterDisposeScope();
    }
}
