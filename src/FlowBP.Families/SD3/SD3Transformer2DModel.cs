// The multimodal diffusion transformer (MMDiT) of Stable Diffusion 3 and 3.5. Image patches and text tokens are two
// streams with weights of their own that meet in one attention per block; time and pooled text modulate every
// normalisation. Module and parameter names are diffusers', so that checkpoints load by name.
//
// Shapes: B batch, C channels, Y X latent elements, L image tokens, M text tokens, D width, H heads, K head width.

using FlowBP.Families.Networks;
using FlowBP.Models.Original;
using FlowBP.Models.Transformers;
using FlowBP.Surrogates;

namespace FlowBP.Families.SD3;

/// <summary>The joint transformer that predicts a velocity from a latent, a time and a prompt.</summary>
public sealed class SD3Transformer2DModel : FlowTransformer, IHasOriginalNames
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

    /// <inheritdoc/>
    public override string ConfigJson => Config.ToJson();

    /// <inheritdoc/>
    public override IReadOnlyList<TransformerBlock> Blocks => [.. transformer_blocks];

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> EmbedParameters =>
        [.. pos_embed.parameters(), .. time_text_embed.parameters(), .. context_embedder.parameters()];

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> HeadParameters => [.. norm_out.parameters(), .. proj_out.parameters()];

    /// <inheritdoc/>
    public override int LatentChannels => Config.InChannels;

    /// <inheritdoc/>
    public override int PatchSize => Config.PatchSize;

    /// <inheritdoc/>
    public override int TextWidth => Config.JointAttentionDim;

    /// <inheritdoc/>
    public override int? PooledWidth => Config.PooledProjectionDim;

    /// <inheritdoc/>
    public override int? SampleSize => Config.SampleSize;

    /// <inheritdoc/>
    public override int? MostTokensPerSide => Config.PosEmbedMaxSize;

    /// <inheritdoc/>
    public override TransformerInput Input(Tensor x_BCYX, Tensor sigma_B, Conditioning conditioning, double guidance)
    {
        var type = ComputeType;
        return new(
            x_BCYX.to(type),
            conditioning[Text].to(type),
            conditioning[Pooled].to(type),
            sigma_B * TrainTimesteps
        );
    }

    /// <inheritdoc/>
    public override TokenStreams<T> Embed<T>(INetworkOperations<T> ops, TransformerInput<T> input)
    {
        using var scope = ops.Scope();
        var condition_BD = time_text_embed.Embed(ops, input.Timestep_B, input.Pooled_BP!);
        var image_BLD = pos_embed.Embed(ops, input.Latents);
        var text_BMD = ops.Linear(context_embedder, input.Text_BME);
        return new(ops.Keep(image_BLD), ops.Keep(text_BMD), [ops.Keep(condition_BD)]);
    }

    /// <summary>The velocity, [B, C, Y, X]: token (y, x) holds its patch as (row, column, channel).</summary>
    /// <inheritdoc/>
    public override T Head<T>(INetworkOperations<T> ops, TokenStreams<T> streams, TokenGrid image)
    {
        using var scope = ops.Scope();
        var patches_BLE = ops.Linear(proj_out, norm_out.Modulated(ops, streams.Image, streams.Shared[0]));
        var (p, channels) = (Config.PatchSize, Config.OutChannels);
        return ops.Keep(
            ops.Reordered(
                patches_BLE,
                patches =>
                    patches
                        .reshape(-1, image.Rows, image.Columns, p, p, channels)
                        .permute(0, 5, 1, 3, 2, 4)
                        .reshape(-1, channels, image.Rows * p, image.Columns * p)
            )
        );
    }

    /// <inheritdoc/>
    public override Tensor Velocity(Tensor velocity, IReadOnlyList<long> shape) => velocity;
}
