// Stable Diffusion 3 and 3.5 as a family: the whole of it is in this folder, and this is what the others know of it.

using FlowBP.Families.Inspection;
using FlowBP.Families.Tracing;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Clip;
using FlowBP.Models.Schedulers;
using FlowBP.Models.TextEncoders;
using FlowBP.Surrogates;

namespace FlowBP.Families.SD3;

/// <summary>Stable Diffusion 3 and 3.5.</summary>
public static class SD3Family
{
    /// <summary>Name of the pipeline's class in the ecosystem.</summary>
    public const string PipelineClass = "StableDiffusion3Pipeline";

    /// <summary>The attention projections that diffusers' training of Stable Diffusion 3 adapts.</summary>
    public static readonly IReadOnlyList<string> AdapterTargets =
    [
        "attn.add_k_proj",
        "attn.add_q_proj",
        "attn.add_v_proj",
        "attn.to_add_out",
        "attn.to_k",
        "attn.to_out.0",
        "attn.to_q",
        "attn.to_v",
    ];

    /// <summary>The transformer of Stable Diffusion 3.5 medium, as its config.json has it.</summary>
    public static SD3TransformerConfig ReleasedTransformer { get; } =
        new()
        {
            NumLayers = 24,
            NumAttentionHeads = 24,
            PosEmbedMaxSize = 384,
            DualAttentionLayers = [.. Enumerable.Range(0, 13)],
            QkNorm = true,
        };

    /// <summary>The autoencoder of Stable Diffusion 3.5.</summary>
    public static AutoencoderKLConfig ReleasedAutoencoder { get; } =
        new()
        {
            BlockOutChannels = [128, 256, 512, 512],
            LayersPerBlock = 2,
            LatentChannels = 16,
            UseQuantConv = false,
            UsePostQuantConv = false,
            SampleSize = 1024,
            ScalingFactor = 1.5305,
            ShiftFactor = 0.0609,
        };

    /// <summary>The schedule of Stable Diffusion 3.5.</summary>
    public static FlowMatchEulerConfig ReleasedScheduler { get; } = new() { Shift = 3 };

    /// <summary>The registration, made once by <see cref="ModelFamilies"/>.</summary>
    internal static ModelFamily Create() =>
        new()
        {
            Name = "sd35",
            Title = "Stable Diffusion 3.5",
            PipelineClasses = [PipelineClass],
            NameParts = ["stablediffusion3", "sd3"],
            ScheduleOf = (steps, _) => NoiseSchedule.FlowMatchEuler(steps),
            ScheduleText = "static shift 3",
            AdapterTargets = AdapterTargets,
            Autoencoder = AutoencoderKind.KL,
            RequireEncoders = SD3PromptFolder.RequireParts,
            Encoders = new(
                SD3PromptEncoder.DefaultSequenceLength,
                [nameof(CLIPTextModelWithProjection), nameof(CLIPTextModelWithProjection), nameof(T5EncoderModel)]
            )
            {
                OnlyFirstIsNeeded = true,
            },
            LoadEncoders = SD3PromptFolder.Load,
            // CLIP's towers share their places, a language model's follow them.
            TextTokensOf = encoders =>
                encoders
                    .Where(IsClip)
                    .Select(encoder => encoder.Tokens)
                    .DefaultIfEmpty(PlannedEncoder.ClipL.Tokens)
                    .Max()
                + encoders.Where(encoder => !IsClip(encoder)).Sum(_ => (long)SD3PromptEncoder.DefaultSequenceLength),
            Transformer = new(
                nameof(SD3Transformer2DModel),
                json => new SD3Transformer2DModel(SD3TransformerConfig.Read(json))
            )
            {
                LeastElements = json => SD3TransformerConfig.Read(json).LeastElements,
                ModelWords = ["sd3", "transformer"],
                Keys = ["pos_embed_max_size", "joint_attention_dim"],
            },
            OriginalNames = SD3OriginalNames.Table,
            Released = new(
                ["stablediffusion35medium", "sd35medium", "sd35m"],
                () => Planned(ReleasedTransformer, ReleasedAutoencoder)
            ),
        };

    /// <summary>A Stable Diffusion 3.5 model of any size on paper, text encoders as released, without a reward.</summary>
    /// <param name="transformer">The transformer.</param>
    /// <param name="autoencoder">The autoencoder.</param>
    public static PlannedModel Planned(SD3TransformerConfig transformer, AutoencoderKLConfig autoencoder)
    {
        var t5 = PlannedEncoder.T5Xxl with { Tokens = SD3PromptEncoder.DefaultSequenceLength };
        return new()
        {
            Name = "Stable Diffusion 3.5 medium",
            Transformer = MetaNetwork.Build(() => new SD3Transformer2DModel(transformer)),
            AdapterTargets = AdapterTargets,
            Decoder = new TracedDecoder(autoencoder),
            AutoencoderParameters = MetaNetwork.Parameters(() => new AutoencoderKL(autoencoder)),
            TextTokens = PlannedEncoder.ClipL.Tokens + t5.Tokens,
            TextEncoders = [PlannedEncoder.ClipL, PlannedEncoder.ClipBigG, t5],
            TakesGuidance = true,
            Resolution = PlannedModel.UsualResolution,
            RewardParameters = 0,
        };
    }

    private static bool IsClip(PlannedEncoder encoder) => encoder.Name.Contains("CLIP", StringComparison.Ordinal);
}
