// The transformer of FLUX.2: double-stream blocks, then single-stream blocks over all tokens. Modulations are computed once and
// shared by all blocks of a kind, no layer has a bias, positions have four axes, and the prompt comes without a pooled vector.
// Module and parameter names are diffusers', so that checkpoints load by name.
//
// It takes and gives packed latents: one token per patch of 2 × 2 latent elements (LatentPatches, LatentTokens). The forward
// pass is EmbedCondition and Embed, then the blocks in order, then Head; all are public, so that a vector-Jacobian product can
// recompute and pull back one block at a time.
//
// Shapes: B batch, L image tokens, M text tokens, C channels of a token, E text width (or that of a modulation), D width.

using FlowBP.Families.Flux1;
using FlowBP.Families.SD3;
using FlowBP.Formats;
using FlowBP.Kernels;
using FlowBP.Models.Layers;
using FlowBP.Models.Original;
using FlowBP.Models.Transformers;

namespace FlowBP.Families.Flux2;

/// <summary>What a FLUX.2 transformer is evaluated on.</summary>
/// <param name="Latents_BLC">Noisy latents, packed.</param>
/// <param name="Text_BME">Text sequence.</param>
/// <param name="Timestep_B">Time, σ in [0, 1].</param>
/// <param name="Guidance_B">Guidance scale; null where the model does not take one, as Klein.</param>
/// <param name="ImageIds_L4">Positions of the image tokens (<see cref="Flux2Positions"/>).</param>
/// <param name="TextIds_M4">Positions of the text tokens.</param>
public sealed record Flux2Input(
    Tensor Latents_BLC,
    Tensor Text_BME,
    Tensor Timestep_B,
    Tensor? Guidance_B,
    Tensor ImageIds_L4,
    Tensor TextIds_M4
);

/// <summary>The transformer that predicts a velocity from packed latents, a time and a prompt.</summary>
public sealed class Flux2Transformer2DModel : nn.Module<Flux2Input, Tensor>, IHasOriginalNames
{
    // The network knows time and guidance in thousandths.
    private const double Thousandths = 1000;

    private readonly Flux2ConditionEmbedding time_guidance_embed;
    private readonly Flux2Modulation double_stream_modulation_img;
    private readonly Flux2Modulation double_stream_modulation_txt;
    private readonly Flux2Modulation single_stream_modulation;
    private readonly Linear x_embedder;
    private readonly Linear context_embedder;
    private readonly ModuleList<Flux2TransformerBlock> transformer_blocks;
    private readonly ModuleList<Flux2SingleTransformerBlock> single_transformer_blocks;
    private readonly AdaLayerNormContinuous norm_out;
    private readonly Linear proj_out;

    /// <summary>Builds the network with the tensor library's default initialisation, in float32 on the CPU.</summary>
    public Flux2Transformer2DModel(Flux2TransformerConfig config)
        : base(nameof(Flux2Transformer2DModel))
    {
        Config = config;
        var width = config.InnerDim;
        time_guidance_embed = new Flux2ConditionEmbedding(config);
        double_stream_modulation_img = new Flux2Modulation(width, 6);
        double_stream_modulation_txt = new Flux2Modulation(width, 6);
        single_stream_modulation = new Flux2Modulation(width, 3);
        x_embedder = nn.Linear(config.InChannels, width, hasBias: false);
        context_embedder = nn.Linear(config.JointAttentionDim, width, hasBias: false);
        transformer_blocks = new ModuleList<Flux2TransformerBlock>([
            .. Enumerable.Range(0, config.NumLayers).Select(_ => new Flux2TransformerBlock(config)),
        ]);
        single_transformer_blocks = new ModuleList<Flux2SingleTransformerBlock>([
            .. Enumerable.Range(0, config.NumSingleLayers).Select(_ => new Flux2SingleTransformerBlock(config)),
        ]);
        norm_out = new AdaLayerNormContinuous(width, bias: false, config.Eps);
        proj_out = nn.Linear(width, config.OutChannels, hasBias: false);
        RegisterComponents();
    }

    /// <summary>Sizes and options.</summary>
    public Flux2TransformerConfig Config { get; }

    OriginalNames IHasOriginalNames.OriginalNames => Flux2OriginalNames.Table;

    /// <summary>All blocks in order: the double-stream ones, then the single-stream ones.</summary>
    public IReadOnlyList<Flux2Block> Blocks => [.. transformer_blocks, .. single_transformer_blocks];

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
        [
            .. time_guidance_embed.parameters(),
            .. double_stream_modulation_img.parameters(),
            .. double_stream_modulation_txt.parameters(),
            .. single_stream_modulation.parameters(),
            .. x_embedder.parameters(),
            .. context_embedder.parameters(),
        ];

    /// <summary>What <see cref="Head"/> reads.</summary>
    public IReadOnlyList<Parameter> HeadParameters => [.. norm_out.parameters(), .. proj_out.parameters()];

    /// <summary>Reads <c>config.json</c> and the weights from a folder.</summary>
    /// <param name="folder">A folder with <c>config.json</c> and weights, under diffusers' names or the original ones.</param>
    /// <param name="weights">A file of weights instead of those in the folder; null: those.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the other.</exception>
    public static Flux2Transformer2DModel FromFolder(string folder, string? weights = null) =>
        Unfinished.Filled(
            new Flux2Transformer2DModel(Flux2TransformerConfig.Read(Path.Combine(folder, "config.json"))),
            model => TransformerWeights.LoadInto(model, weights ?? folder)
        );

    /// <summary>What every block receives beside the streams.</summary>
    /// <param name="timestep_B">Time, σ in [0, 1].</param>
    /// <param name="guidance_B">Guidance scale; null where the model does not take one.</param>
    /// <param name="rotary_N">Where the tokens are; passed on.</param>
    /// <exception cref="ArgumentException">A guidance scale is missing.</exception>
    public Flux2Condition EmbedCondition(Tensor timestep_B, Tensor? guidance_B, RotaryTable rotary_N)
    {
        using var scope = torch.NewDisposeScope();
        var vector_BD = time_guidance_embed.call(
            timestep_B * Thousandths,
            guidance_B is null ? null : guidance_B * Thousandths
        );
        return new Flux2Condition(
            vector_BD.MoveToOuterDisposeScope(),
            double_stream_modulation_img.call(vector_BD).MoveToOuterDisposeScope(),
            double_stream_modulation_txt.call(vector_BD).MoveToOuterDisposeScope(),
            single_stream_modulation.call(vector_BD).MoveToOuterDisposeScope(),
            rotary_N
        );
    }

    /// <summary>Rotations of all tokens, the image's first.</summary>
    /// <param name="imageIds_L4">Positions of the image tokens.</param>
    /// <param name="textIds_M4">Positions of the text tokens.</param>
    public RotaryTable Rotary(Tensor imageIds_L4, Tensor textIds_M4)
    {
        using var ids_N4 = torch.cat([imageIds_L4, textIds_M4], 0);
        return RotaryTable.Of(ids_N4, Config.AxesDimsRope, Config.RopeTheta);
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
    public Tensor Head(FluxStreams streams, Flux2Condition condition, long imageTokens)
    {
        using var scope = torch.NewDisposeScope();
        var image_BLD = streams.Hidden.narrow(1, 0, imageTokens);
        return proj_out.call(norm_out.call(image_BLD, condition.Vector_BD)).MoveToOuterDisposeScope();
    }

    /// <summary>The velocity at packed latents.</summary>
    /// <param name="input">Latents, prompt, time, positions.</param>
    /// <returns>[B, L, C].</returns>
    public override Tensor forward(Flux2Input input)
    {
        using var scope = torch.NewDisposeScope();
        var rotary_N = Rotary(input.ImageIds_L4, input.TextIds_M4);
        var condition = EmbedCondition(input.Timestep_B, input.Guidance_B, rotary_N);
        var streams = Embed(input.Latents_BLC, input.Text_BME);
        foreach (var block in Blocks)
        {
            streams = block.call(streams, condition);
        }
        return Head(streams, condition, input.Latents_BLC.size(1)).MoveToOuterDisposeScope();
    }
}

/// <summary>Sum of small MLPs over the time and, where the model takes it, the guidance scale.</summary>
internal sealed class Flux2ConditionEmbedding : nn.Module<Tensor, Tensor?, Tensor>
{
    private readonly TwoLayerEmbedding timestep_embedder;
    private readonly TwoLayerEmbedding? guidance_embedder;

    public Flux2ConditionEmbedding(Flux2TransformerConfig config)
        : base(nameof(Flux2ConditionEmbedding))
    {
        timestep_embedder = Embedding(config);
        guidance_embedder = config.GuidanceEmbeds ? Embedding(config) : null;
        RegisterComponents();
    }

    public override Tensor forward(Tensor timestep_B, Tensor? guidance_B)
    {
        var vector_BD = timestep_embedder.OfScalar(timestep_B);
        if (guidance_embedder is null)
        {
            return vector_BD;
        }
        var scale_B =
            guidance_B
            ?? throw new ArgumentException("this model takes a guidance scale (guidance_embeds), found none");
        return vector_BD + guidance_embedder.OfScalar(scale_B);
    }

    private static TwoLayerEmbedding Embedding(Flux2TransformerConfig config) =>
        new(config.TimestepGuidanceChannels, config.InnerDim, bias: false);
}

/// <summary>A modulation that all blocks of a kind share.</summary>
internal sealed class Flux2Modulation : nn.Module<Tensor, Tensor>
{
    private readonly Linear linear;

    public Flux2Modulation(int width, int parts)
        : base(nameof(Flux2Modulation))
    {
        linear = nn.Linear(width, parts * width, hasBias: false);
        RegisterComponents();
    }

    public override Tensor forward(Tensor vector_BD) => linear.call(F.silu(vector_BD));
}
