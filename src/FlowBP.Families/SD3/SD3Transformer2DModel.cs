// The multimodal diffusion transformer (MMDiT) of Stable Diffusion 3 and 3.5. Image patches and text tokens are two
// streams with weights of their own that meet in one attention per block; time and pooled text modulate every
// normalisation. Module and parameter names are diffusers', so that checkpoints load by name.
//
// The forward pass is Embed, then the blocks in order, then Head; all three are public, so that a vector-Jacobian
// product can recompute and pull back one block at a time.
//
// Shapes: B batch, C channels, Y X latent elements, L image tokens, M text tokens, D width, H heads, K head width.

using FlowBP.Formats;
using FlowBP.Kernels;
using FlowBP.Models.Layers;
using FlowBP.Models.Original;
using FlowBP.Models.Transformers;

namespace FlowBP.Families.SD3;

/// <summary>What a joint block passes to the next.</summary>
/// <param name="Hidden">Image stream, [B, L, D].</param>
/// <param name="Context">Text stream, [B, M, D]; null after the last block, which no longer updates it.</param>
public sealed record SD3Streams(Tensor Hidden, Tensor? Context);

/// <summary>The joint transformer that predicts a velocity from a latent, a time and a prompt.</summary>
public sealed class SD3Transformer2DModel : nn.Module<Tensor, Tensor, Tensor, Tensor, Tensor>, IHasOriginalNames
{
    private readonly PatchEmbed pos_embed;
    private readonly TimeTextEmbedding time_text_embed;
    private readonly Linear context_embedder;
    private readonly ModuleList<JointTransformerBlock> transformer_blocks;
    private readonly AdaLayerNormContinuous norm_out;
    private readonly Linear proj_out;

    /// <summary>Builds the network with the tensor library's default initialisation, in float32 on the CPU.</summary>
    public SD3Transformer2DModel(SD3TransformerConfig config)
        : base(nameof(SD3Transformer2DModel))
    {
        Config = config;
        var width = config.InnerDim;
        pos_embed = new PatchEmbed(config);
        time_text_embed = new TimeTextEmbedding(width, config.PooledProjectionDim);
        context_embedder = nn.Linear(config.JointAttentionDim, width);
        transformer_blocks = new ModuleList<JointTransformerBlock>([
            .. Enumerable.Range(0, config.NumLayers).Select(layer => new JointTransformerBlock(config, layer)),
        ]);
        norm_out = new AdaLayerNormContinuous(width);
        proj_out = nn.Linear(width, config.PatchSize * config.PatchSize * config.OutChannels);
        RegisterComponents();
    }

    /// <summary>Sizes and options.</summary>
    public SD3TransformerConfig Config { get; }

    OriginalNames IHasOriginalNames.OriginalNames => SD3OriginalNames.Table;

    /// <summary>The joint blocks, in order.</summary>
    public IReadOnlyList<JointTransformerBlock> Blocks => [.. transformer_blocks];

    /// <summary>Reads <c>config.json</c> and the weights from a folder.</summary>
    /// <param name="folder">A folder with <c>config.json</c> and weights, under diffusers' names or the original ones.</param>
    /// <param name="weights">A file of weights instead of those in the folder; null: those.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the other.</exception>
    public static SD3Transformer2DModel FromFolder(string folder, string? weights = null) =>
        Unfinished.Filled(
            new SD3Transformer2DModel(SD3TransformerConfig.Read(Path.Combine(folder, "config.json"))),
            model => TransformerWeights.LoadInto(model, weights ?? folder)
        );

    /// <summary>
    /// Has the evaluations without gradients, of a rollout, use fused operations wherever the tensors are where the kernels work,
    /// in Float32 or BFloat16. Their results differ in the last bits from those of the separate operations.
    /// </summary>
    /// <param name="kernels">The operations; null: separate operations again.</param>
    public void UseRolloutKernels(IRolloutKernels? kernels)
    {
        var fused = kernels is null ? null : new FusedTokens(kernels);
        foreach (var block in transformer_blocks)
        {
            block.Fused = fused;
        }
    }

    /// <summary>The modulation that every block receives, from time and pooled text.</summary>
    /// <param name="timestep_B">Time in [0, 1000].</param>
    /// <param name="pooled_BP">Pooled text.</param>
    /// <returns>[B, D].</returns>
    public Tensor EmbedCondition(Tensor timestep_B, Tensor pooled_BP)
    {
        using var scope = torch.NewDisposeScope();
        return time_text_embed.call(timestep_B, pooled_BP).MoveToOuterDisposeScope();
    }

    /// <summary>The two streams as the first block receives them.</summary>
    /// <param name="latents_BCYX">Noisy latents; sides divisible by the patch size.</param>
    /// <param name="text_BME">Text sequence.</param>
    public SD3Streams Embed(Tensor latents_BCYX, Tensor text_BME)
    {
        using var scope = torch.NewDisposeScope();
        var hidden_BLD = pos_embed.call(latents_BCYX).MoveToOuterDisposeScope();
        var context_BMD = context_embedder.call(text_BME).MoveToOuterDisposeScope();
        return new SD3Streams(hidden_BLD, context_BMD);
    }

    /// <summary>The velocity, from the image stream after the last block.</summary>
    /// <param name="hidden_BLD">Image stream.</param>
    /// <param name="condition_BD">See <see cref="EmbedCondition"/>.</param>
    /// <param name="height">Latent elements along Y; what is left over by the patch size is cut off.</param>
    /// <param name="width">Latent elements along X; likewise.</param>
    /// <returns>[B, C, Y, X].</returns>
    public Tensor Head(Tensor hidden_BLD, Tensor condition_BD, long height, long width)
    {
        using var scope = torch.NewDisposeScope();
        var p = Config.PatchSize;
        var patches_BLE = proj_out.call(norm_out.call(hidden_BLD, condition_BD));
        // Token (y, x) holds its patch as (row, column, channel).
        var rows = height / p;
        var columns = width / p;
        var grid = patches_BLE.reshape(-1, rows, columns, p, p, Config.OutChannels);
        return grid.permute(0, 5, 1, 3, 2, 4)
            .reshape(-1, Config.OutChannels, rows * p, columns * p)
            .MoveToOuterDisposeScope();
    }

    /// <summary>The velocity at a latent.</summary>
    /// <param name="latents_BCYX">Noisy latents; sides divisible by the patch size.</param>
    /// <param name="text_BME">Text sequence.</param>
    /// <param name="pooled_BP">Pooled text.</param>
    /// <param name="timestep_B">Time in [0, 1000]: sigma times 1000.</param>
    /// <returns>[B, C, Y, X].</returns>
    public override Tensor forward(Tensor latents_BCYX, Tensor text_BME, Tensor pooled_BP, Tensor timestep_B)
    {
        using var scope = torch.NewDisposeScope();
        var condition_BD = EmbedCondition(timestep_B, pooled_BP);
        var streams = Embed(latents_BCYX, text_BME);
        foreach (var block in transformer_blocks)
        {
            streams = block.call(streams, condition_BD);
        }
        var shape = latents_BCYX.shape;
        return Head(streams.Hidden, condition_BD, shape[2], shape[3]).MoveToOuterDisposeScope();
    }
}
