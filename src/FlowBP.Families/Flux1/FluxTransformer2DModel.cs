// The transformer of FLUX.1: double-stream blocks, then single-stream blocks over all tokens, rotary positions on three axes
// instead of a table, and (in FLUX.1-dev) the guidance scale as an input. Module and parameter names are diffusers', so that
// checkpoints load by name.
//
// It takes and gives packed latents: one token per patch of 2 × 2 latent elements (LatentPatches, LatentTokens). The forward
// pass is EmbedCondition and Embed, then the blocks in order, then Head; all are public, so that a vector-Jacobian product can
// recompute and pull back one block at a time.
//
// Shapes: B batch, L image tokens, M text tokens, C channels of a token, E text width, P pooled width, D width.

using FlowBP.Families.SD3;
using FlowBP.Formats;
using FlowBP.Kernels;
using FlowBP.Models.Layers;
using FlowBP.Models.Original;
using FlowBP.Models.Transformers;

namespace FlowBP.Families.Flux1;

/// <summary>What a FLUX.1 transformer is evaluated on.</summary>
/// <param name="Latents_BLC">Noisy latents, packed.</param>
/// <param name="Text_BME">Text sequence.</param>
/// <param name="Pooled_BP">Pooled text.</param>
/// <param name="Timestep_B">Time, σ in [0, 1].</param>
/// <param name="Guidance_B">Guidance scale; null where the model does not take one.</param>
/// <param name="ImageIds_L3">Positions of the image tokens (<see cref="FluxPositions"/>).</param>
/// <param name="TextIds_M3">Positions of the text tokens.</param>
public sealed record FluxInput(
    Tensor Latents_BLC,
    Tensor Text_BME,
    Tensor Pooled_BP,
    Tensor Timestep_B,
    Tensor? Guidance_B,
    Tensor ImageIds_L3,
    Tensor TextIds_M3
);

/// <summary>The transformer that predicts a velocity from packed latents, a time and a prompt.</summary>
public sealed class FluxTransformer2DModel : nn.Module<FluxInput, Tensor>, IHasOriginalNames
{
    private const double RotaryBase = 10000;

    // The network knows time and guidance in thousandths.
    private const double Thousandths = 1000;

    private readonly FluxConditionEmbedding time_text_embed;
    private readonly Linear context_embedder;
    private readonly Linear x_embedder;
    private readonly ModuleList<FluxTransformerBlock> transformer_blocks;
    private readonly ModuleList<FluxSingleTransformerBlock> single_transformer_blocks;
    private readonly AdaLayerNormContinuous norm_out;
    private readonly Linear proj_out;

    /// <summary>Builds the network with the tensor library's default initialisation, in float32 on the CPU.</summary>
    public FluxTransformer2DModel(FluxTransformerConfig config)
        : base(nameof(FluxTransformer2DModel))
    {
        Config = config;
        var width = config.InnerDim;
        time_text_embed = new FluxConditionEmbedding(config);
        context_embedder = nn.Linear(config.JointAttentionDim, width);
        x_embedder = nn.Linear(config.InChannels, width);
        transformer_blocks = new ModuleList<FluxTransformerBlock>([
            .. Enumerable.Range(0, config.NumLayers).Select(_ => new FluxTransformerBlock(config)),
        ]);
        single_transformer_blocks = new ModuleList<FluxSingleTransformerBlock>([
            .. Enumerable.Range(0, config.NumSingleLayers).Select(_ => new FluxSingleTransformerBlock(config)),
        ]);
        norm_out = new AdaLayerNormContinuous(width);
        proj_out = nn.Linear(width, config.OutChannels);
        RegisterComponents();
    }

    /// <summary>Sizes and options.</summary>
    public FluxTransformerConfig Config { get; }

    OriginalNames IHasOriginalNames.OriginalNames => FluxOriginalNames.Table;

    /// <summary>All blocks in order: the double-stream ones, then the single-stream ones.</summary>
    public IReadOnlyList<FluxBlock> Blocks => [.. transformer_blocks, .. single_transformer_blocks];

    /// <summary>
    /// Has the evaluations without gradients, of a rollout, use fused operations wherever the tensors are where the kernels work,
    /// in Float32 or BFloat16. Their results differ in the last bits from those of the separate operations.
    /// </summary>
    /// <param name="kernels">The operations; null: separate operations again.</param>
    public void UseRolloutKernels(IRolloutKernels? kernels)
    {
        var fused = kernels is null ? null : new FusedTokens(kernels);
        foreach (var block in Blocks)
        {
            block.Fused = fused;
        }
    }

    /// <summary>What <see cref="EmbedCondition"/> and <see cref="Embed"/> read.</summary>
    public IReadOnlyList<Parameter> EmbedParameters =>
        [.. time_text_embed.parameters(), .. x_embedder.parameters(), .. context_embedder.parameters()];

    /// <summary>What <see cref="Head"/> reads.</summary>
    public IReadOnlyList<Parameter> HeadParameters => [.. norm_out.parameters(), .. proj_out.parameters()];

    /// <summary>Reads <c>config.json</c> and the weights from a folder.</summary>
    /// <param name="folder">A folder with <c>config.json</c> and weights, under diffusers' names or the original ones.</param>
    /// <param name="weights">A file of weights instead of those in the folder; null: those.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the other.</exception>
    public static FluxTransformer2DModel FromFolder(string folder, string? weights = null) =>
        Unfinished.Filled(
            new FluxTransformer2DModel(FluxTransformerConfig.Read(Path.Combine(folder, "config.json"))),
            model => TransformerWeights.LoadInto(model, weights ?? folder)
        );

    /// <summary>The vector that modulates every block, from time, guidance and pooled text.</summary>
    /// <param name="timestep_B">Time, σ in [0, 1].</param>
    /// <param name="guidance_B">Guidance scale; null where the model does not take one.</param>
    /// <param name="pooled_BP">Pooled text.</param>
    /// <returns>[B, D].</returns>
    /// <exception cref="ArgumentException">A guidance scale is missing.</exception>
    public Tensor EmbedCondition(Tensor timestep_B, Tensor? guidance_B, Tensor pooled_BP)
    {
        using var scope = torch.NewDisposeScope();
        return time_text_embed
            .call(timestep_B * Thousandths, guidance_B is null ? null : guidance_B * Thousandths, pooled_BP)
            .MoveToOuterDisposeScope();
    }

    /// <summary>Rotations of all tokens, the image's first.</summary>
    /// <param name="imageIds_L3">Positions of the image tokens.</param>
    /// <param name="textIds_M3">Positions of the text tokens.</param>
    public RotaryTable Rotary(Tensor imageIds_L3, Tensor textIds_M3)
    {
        using var ids_N3 = torch.cat([imageIds_L3, textIds_M3], 0);
        return RotaryTable.Of(ids_N3, Config.AxesDimsRope, RotaryBase);
    }

    /// <summary>The two streams as the first block receives them.</summary>
    /// <param name="latents_BLC">Noisy latents, packed.</param>
    /// <param name="text_BME">Text sequence.</param>
    public FluxStreams Embed(Tensor latents_BLC, Tensor text_BME) =>
        new(x_embedder.call(latents_BLC), context_embedder.call(text_BME));

    /// <summary>The velocity, from what the last block returned.</summary>
    /// <param name="streams">The streams.</param>
    /// <param name="condition">What every block received.</param>
    /// <param name="imageTokens">L.</param>
    /// <returns>[B, L, C].</returns>
    public Tensor Head(FluxStreams streams, FluxCondition condition, long imageTokens)
    {
        using var scope = torch.NewDisposeScope();
        var image_BLD = streams.Hidden.narrow(1, 0, imageTokens);
        return proj_out.call(norm_out.call(image_BLD, condition.Vector_BD)).MoveToOuterDisposeScope();
    }

    /// <summary>The velocity at packed latents.</summary>
    /// <param name="input">Latents, prompt, time, positions.</param>
    /// <returns>[B, L, C].</returns>
    public override Tensor forward(FluxInput input)
    {
        using var scope = torch.NewDisposeScope();
        var condition = new FluxCondition(
            EmbedCondition(input.Timestep_B, input.Guidance_B, input.Pooled_BP),
            Rotary(input.ImageIds_L3, input.TextIds_M3)
        );
        var streams = Embed(input.Latents_BLC, input.Text_BME);
        foreach (var block in Blocks)
        {
            streams = block.call(streams, condition);
        }
        return Head(streams, condition, input.Latents_BLC.size(1)).MoveToOuterDisposeScope();
    }
}

/// <summary>Sum of small MLPs over the time, the guidance scale and the pooled text.</summary>
internal sealed class FluxConditionEmbedding : nn.Module<Tensor, Tensor?, Tensor, Tensor>
{
    private const int SinusoidWidth = 256;

    private readonly TwoLayerEmbedding timestep_embedder;
    private readonly TwoLayerEmbedding? guidance_embedder;
    private readonly TwoLayerEmbedding text_embedder;

    public FluxConditionEmbedding(FluxTransformerConfig config)
        : base(nameof(FluxConditionEmbedding))
    {
        timestep_embedder = new TwoLayerEmbedding(SinusoidWidth, config.InnerDim);
        guidance_embedder = config.GuidanceEmbeds ? new TwoLayerEmbedding(SinusoidWidth, config.InnerDim) : null;
        text_embedder = new TwoLayerEmbedding(config.PooledProjectionDim, config.InnerDim);
        RegisterComponents();
    }

    public override Tensor forward(Tensor timestep_B, Tensor? guidance_B, Tensor pooled_BP)
    {
        var vector_BD = timestep_embedder.OfScalar(timestep_B) + text_embedder.call(pooled_BP);
        if (guidance_embedder is null)
        {
            return vector_BD;
        }
        var scale_B =
            guidance_B
            ?? throw new ArgumentException("this model takes a guidance scale (guidance_embeds), found none");
        return vector_BD + guidance_embedder.OfScalar(scale_B);
    }
}
