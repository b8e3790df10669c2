// The transformer of FLUX.1: double-stream blocks, then single-stream blocks over all tokens, rotary positions on three axes
// instead of a table, and (in FLUX.1-dev) the guidance scale as an input. Module and parameter names are diffusers', so that
// checkpoints load by name.
//
// It takes and gives packed latents: one token per patch of 2 × 2 latent elements (LatentPatches, LatentTokens).
//
// Shapes: B batch, L image tokens, M text tokens, C channels of a token, E text width, P pooled width, D width.

using FlowBP.Families.Networks;
using FlowBP.Models.Layers;
using FlowBP.Models.Original;
using FlowBP.Models.Transformers;
using FlowBP.Surrogates;

namespace FlowBP.Families.Flux1;

/// <summary>The transformer that predicts a velocity from packed latents, a time and a prompt.</summary>
public sealed class FluxTransformer2DModel : PackedTransformer, IHasOriginalNames
{
    private const double RotaryBase = 10000;

    private readonly FluxConditionEmbedding time_text_embed;
    private readonly Linear context_embedder;
    private readonly Linear x_embedder;
    private readonly ModuleList<FluxTransformerBlock> transformer_blocks;
    private readonly ModuleList<FluxSingleTransformerBlock> single_transformer_blocks;
    private readonly AdaLayerNormContinuous norm_out;
    private readonly Linear proj_out;

    /// <summary>Builds the network with the tensor library's default initialisation, in float32 on the CPU.</summary>
    public FluxTransformer2DModel(FluxTransformerConfig config)
        : base(
            nameof(FluxTransformer2DModel),
            config.InChannels,
            config.JointAttentionDim,
            config.GuidanceEmbeds,
            config.AxesDimsRope,
            RotaryBase
        )
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

    /// <inheritdoc/>
    public override string ConfigJson => Config.ToJson();

    /// <summary>All blocks in order: the double-stream ones, then the single-stream ones.</summary>
    public override IReadOnlyList<TransformerBlock> Blocks => [.. transformer_blocks, .. single_transformer_blocks];

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> EmbedParameters =>
        [.. time_text_embed.parameters(), .. x_embedder.parameters(), .. context_embedder.parameters()];

    private protected override (AdaLayerNormContinuous Norm, Linear Projection) Output => (norm_out, proj_out);

    /// <inheritdoc/>
    public override int? PooledWidth => Config.PooledProjectionDim;

    /// <inheritdoc/>
    public override TransformerInput Input(Tensor x_BCYX, Tensor sigma_B, Conditioning conditioning, double guidance)
    {
        var type = ComputeType;
        var text_BME = conditioning[Text].to(type);
        var patches_BCYX = LatentPatches.Patchify(x_BCYX.to(type));
        return new(
            LatentTokens.Pack(patches_BCYX),
            text_BME,
            conditioning[Pooled].to(type),
            sigma_B,
            TakesGuidance ? torch.full_like(sigma_B, guidance) : null,
            FluxPositions.Image(patches_BCYX.size(2), patches_BCYX.size(3), x_BCYX.device),
            FluxPositions.Text(text_BME.size(1), x_BCYX.device)
        );
    }

    /// <inheritdoc/>
    public override Tensor Velocity(Tensor velocity, IReadOnlyList<long> shape)
    {
        var grid = GridOf(shape);
        return LatentPatches.Unpatchify(LatentTokens.Unpack(velocity, grid.Rows, grid.Columns));
    }

    /// <inheritdoc/>
    public override TokenStreams<T> Embed<T>(INetworkOperations<T> ops, TransformerInput<T> input)
    {
        using var scope = ops.Scope();
        var condition_BD = time_text_embed.Embed(ops, input.Timestep_B, input.Guidance_B, input.Pooled_BP!);
        var image_BLD = ops.Linear(x_embedder, input.Latents);
        var text_BMD = ops.Linear(context_embedder, input.Text_BME);
        return new(ops.Keep(image_BLD), ops.Keep(text_BMD), [ops.Keep(condition_BD)]);
    }
}

/// <summary>Sum of small MLPs over the time, the guidance scale and the pooled text.</summary>
internal sealed class FluxConditionEmbedding : nn.Module
{
    /// <summary>The network knows time and guidance in thousandths.</summary>
    internal const double Thousandths = 1000;

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

    public T Embed<T>(INetworkOperations<T> ops, T timestep_B, T? guidance_B, T pooled_BP)
        where T : class
    {
        var time_BD = timestep_embedder.EmbedScalar(ops, timestep_B, Thousandths);
        var vector_BD = ops.Add(time_BD, text_embedder.Embed(ops, pooled_BP));
        return WithGuidance(ops, vector_BD, guidance_embedder, guidance_B);
    }

    /// <summary>The vector and the embedding of a guidance scale, where the network has one.</summary>
    /// <exception cref="ArgumentException">A guidance scale is missing.</exception>
    public static T WithGuidance<T>(INetworkOperations<T> ops, T vector_BD, TwoLayerEmbedding? embedder, T? guidance_B)
        where T : class =>
        embedder is null
            ? vector_BD
            : ops.Add(
                vector_BD,
                embedder.EmbedScalar(
                    ops,
                    guidance_B
                        ?? throw new ArgumentException(
                            "this model takes a guidance scale (guidance_embeds), found none"
                        ),
                    Thousandths
                )
            );
}
