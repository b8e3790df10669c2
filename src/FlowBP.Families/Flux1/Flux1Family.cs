// FLUX.1 as a family: the whole of it is in this folder, and this is what the others know of it.

using FlowBP.Families.Inspection;
using FlowBP.Families.SD3;
using FlowBP.Families.Tracing;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Clip;
using FlowBP.Models.Schedulers;
using FlowBP.Models.TextEncoders;
using FlowBP.Surrogates;

namespace FlowBP.Families.Flux1;

/// <summary>FLUX.1.</summary>
public static class Flux1Family
{
    /// <summary>Name of the pipeline's class in the ecosystem.</summary>
    public const string PipelineClass = "FluxPipeline";

    /// <summary>The projections of attention and MLP that diffusers' training of FLUX.1 adapts.</summary>
    public static readonly IReadOnlyList<string> AdapterTargets =
    [
        .. SD3Family.AdapterTargets,
        "ff.net.0.proj",
        "ff.net.2",
        "ff_context.net.0.proj",
        "ff_context.net.2",
    ];

    /// <summary>The transformer of FLUX.1-dev, as its config.json has it.</summary>
    public static FluxTransformerConfig ReleasedTransformer { get; } = new() { GuidanceEmbeds = true };

    /// <summary>The autoencoder of FLUX.1: Stable Diffusion 3's network, another scale of the latents.</summary>
    public static AutoencoderKLConfig ReleasedAutoencoder { get; } =
        SD3Family.ReleasedAutoencoder with
        {
            ScalingFactor = 0.3611,
            ShiftFactor = 0.1159,
        };

    /// <summary>The schedule of FLUX.1.</summary>
    public static FlowMatchEulerConfig ReleasedScheduler { get; } = new() { Shift = 3, UseDynamicShifting = true };

    /// <summary>The registration, made once by <see cref="ModelFamilies"/>.</summary>
    internal static ModelFamily Create() =>
        new()
        {
            Name = "flux1",
            Title = "FLUX.1",
            PipelineClasses = [PipelineClass],
            NameParts = ["flux"],
            HasEmbeddedGuidance = true,
            ScheduleOf = (steps, tokens) => NoiseSchedule.DynamicShift(steps, FlowMatchEuler.LinearMu(tokens)),
            ScheduleText = "dynamic shift, mu linear in the image tokens",
            AdapterTargets = AdapterTargets,
            Autoencoder = AutoencoderKind.KL,
            Encoders = new(Flux1PromptEncoder.DefaultSequenceLength, [nameof(CLIPTextModel), nameof(T5EncoderModel)]),
            LoadEncoders = Flux1PromptEncoder.FromFolder,
            TextTokensOf = _ => Flux1PromptEncoder.DefaultSequenceLength,
            Transformer = new(
                nameof(FluxTransformer2DModel),
                json => new FluxTransformer2DModel(FluxTransformerConfig.Read(json))
            )
            {
                LeastElements = json => FluxTransformerConfig.Read(json).LeastElements,
                ModelWords = ["flux.1", "transformer"],
                Keys = ["guidance_embeds", "pooled_projection_dim"],
            },
            OriginalNames = FluxOriginalNames.Table,
            Released = new(["flux1dev", "flux1", "flux"], () => Planned(ReleasedTransformer, ReleasedAutoencoder)),
        };

    /// <summary>A FLUX.1 model of any size on paper, text encoders as released, without a reward.</summary>
    /// <param name="transformer">The transformer.</param>
    /// <param name="autoencoder">The autoencoder.</param>
    public static PlannedModel Planned(FluxTransformerConfig transformer, AutoencoderKLConfig autoencoder) =>
        new()
        {
            Name = "FLUX.1-dev",
            Transformer = MetaNetwork.Build(() => new FluxTransformer2DModel(transformer)),
            AdapterTargets = AdapterTargets,
            Decoder = new TracedDecoder(autoencoder),
            AutoencoderParameters = MetaNetwork.Parameters(() => new AutoencoderKL(autoencoder)),
            TextTokens = Flux1PromptEncoder.DefaultSequenceLength,
            // CLIP-L without its projection.
            TextEncoders = [PlannedEncoder.ClipL with { Parameters = 123_060_480 }, PlannedEncoder.T5Xxl],
            TakesGuidance = false,
            Resolution = PlannedModel.UsualResolution,
            RewardParameters = 0,
        };
}
