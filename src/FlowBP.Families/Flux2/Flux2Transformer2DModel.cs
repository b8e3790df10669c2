// The transformer of FLUX.2: double-stream blocks, then single-stream blocks over all tokens. Modulations are computed once and
// shared by all blocks of a kind, no layer has a bias, positions have four axes, and the prompt comes without a pooled vector.
// Module and parameter names are diffusers', so that checkpoints load by name.
//
// It takes and gives packed latents: one token per patch of 2 × 2 latent elements (LatentPatches, LatentTokens).
//
// Shapes: B batch, L image tokens, M text tokens, C channels of a token, E text width (or that of a modulation), D width.

using FlowBP.Families.Flux1;
using FlowBP.Families.Networks;
using FlowBP.Models.Original;
using FlowBP.Models.Transformers;
using FlowBP.Surrogates;

namespace FlowBP.Families.Flux2;

/// <summary>The transformer that predicts a velocity from packed latents, a time and a prompt.</summary>
public sealed class Flux2Transformer2DModel : PackedTransformer, IHasOriginalNames
{
    private readonly Flux2ConditionEmbedding time_guidance_embed;
    private readonly AdaLayerNormZero double_stream_modulation_img;
    private readonly AdaLayerNormZero double_stream_modulation_txt;
    private readonly AdaLayerNormZero single_stream_modulation;
    private readonly Linear x_embedder;
    private readonly Linear context_embedder;
    private readonly ModuleList<Flux2TransformerBlock> transformer_blocks;
    private readonly ModuleList<Flux2SingleTransformerBlock> single_transformer_blocks;
    private readonly AdaLayerNormContinuous norm_out;
    private readonly Linear proj_out;

    /// <summary>Builds the network with the tensor library's default initialisation, in float32 on the CPU.</summary>
    public Flux2Transformer2DModel(Flux2TransformerConfig config)
        : base(
            nameof(Flux2Transformer2DModel),
            config.InChannels,
            config.JointAttentionDim,
            config.GuidanceEmbeds,
            config.AxesDimsRope,
            config.RopeTheta
        )
    {
        Config = config;
        var width = config.InnerDim;
        time_guidance_embed = new Flux2ConditionEmbedding(config);
        double_stream_modulation_img = new AdaLayerNormZero(width, 6, bias: false);
        double_stream_modulation_txt = new AdaLayerNormZero(width, 6, bias: false);
        single_stream_modulation = new AdaLayerNormZero(width, 3, bias: false);
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

    /// <inheritdoc/>
    public override string ConfigJson => Config.ToJson();

    /// <summary>All blocks in order: the double-stream ones, then the single-stream ones.</summary>
    public override IReadOnlyList<TransformerBlock> Blocks => [.. transformer_blocks, .. single_transformer_blocks];

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> EmbedParameters =>
        [
            .. time_guidance_embed.parameters(),
            .. double_stream_modulation_img.parameters(),
            .. double_stream_modulation_txt.parameters(),
            .. single_stream_modulation.parameters(),
            .. x_embedder.parameters(),
            .. context_embedder.parameters(),
        ];

    private protected override (AdaLayerNormContinuous Norm, Linear Projection) Output => (norm_out, proj_out);

    /// <inheritdoc/>
    public override int TokenSide => 1;

    /// <inheritdoc/>
    public override TransformerInput Input(Tensor x_BCYX, Tensor sigma_B, Conditioning conditioning, double guidance)
    {
        var type = ComputeType;
        var text_BME = conditioning[Text].to(type);
        return new(
            LatentTokens.Pack(x_BCYX.to(type)),
            text_BME,
            null,
            sigma_B,
            TakesGuidance ? torch.full_like(sigma_B, guidance) : null,
            Flux2Positions.Image(x_BCYX.size(2), x_BCYX.size(3), x_BCYX.device),
            Flux2Positions.Text(text_BME.size(1), x_BCYX.device)
        );
    }

    /// <inheritdoc/>
    public override Tensor Velocity(Tensor velocity, IReadOnlyList<long> shape) =>
        LatentTokens.Unpack(velocity, shape[2], shape[3]);

    /// <inheritdoc/>
    public override TokenStreams<T> Embed<T>(INetworkOperations<T> ops, TransformerInput<T> input)
    {
        using var scope = ops.Scope();
        var vector_BD = time_guidance_embed.Embed(ops, input.Timestep_B, input.Guidance_B);
        T[] shared =
        [
            vector_BD,
            double_stream_modulation_img.All(ops, vector_BD),
            double_stream_modulation_txt.All(ops, vector_BD),
            single_stream_modulation.All(ops, vector_BD),
        ];
        var image_BLD = ops.Linear(x_embedder, input.Latents);
        var text_BMD = ops.Linear(context_embedder, input.Text_BME);
        return new(ops.Keep(image_BLD), ops.Keep(text_BMD), [.. shared.Select(ops.Keep)]);
    }
}

/// <summary>Sum of small MLPs over the time and, where the model takes it, the guidance scale.</summary>
internal sealed class Flux2ConditionEmbedding : nn.Module
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

    public T Embed<T>(INetworkOperations<T> ops, T timestep_B, T? guidance_B)
        where T : class
    {
        var time_BD = timestep_embedder.EmbedScalar(ops, timestep_B, FluxConditionEmbedding.Thousandths);
        return FluxConditionEmbedding.WithGuidance(ops, time_BD, guidance_embedder, guidance_B);
    }

    private static TwoLayerEmbedding Embedding(Flux2TransformerConfig config) =>
        new(config.TimestepGuidanceChannels, config.InnerDim, bias: false);
}
