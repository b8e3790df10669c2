// FLUX.2 Klein as a family: the whole of it is in this folder, and this is what the others know of it.

using FlowBP.Families.Inspection;
using FlowBP.Families.Tracing;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Schedulers;
using FlowBP.Models.TextEncoders;
using FlowBP.Surrogates;

namespace FlowBP.Families.Flux2;

/// <summary>FLUX.2.</summary>
public static class Flux2Family
{
    /// <summary>Name of the pipeline's class in the ecosystem.</summary>
    public const string PipelineClass = "Flux2KleinPipeline";

    /// <summary>What diffusers' training of FLUX.2 adapts: image attention, and both projections of single-stream blocks.</summary>
    public static readonly IReadOnlyList<string> AdapterTargets =
    [
        "to_k",
        "to_q",
        "to_v",
        "to_out.0",
        "to_qkv_mlp_proj",
        "attn.to_out",
    ];

    /// <summary>The transformer of FLUX.2-Klein-base 9B, as its config.json has it.</summary>
    public static Flux2TransformerConfig ReleasedTransformer { get; } =
        new()
        {
            NumSingleLayers = 24,
            NumAttentionHeads = 32,
            JointAttentionDim = 12288,
            GuidanceEmbeds = false,
        };

    /// <summary>The autoencoder of FLUX.2.</summary>
    public static AutoencoderKLFlux2Config ReleasedAutoencoder { get; } = new();

    /// <summary>The schedule of FLUX.2.</summary>
    public static FlowMatchEulerConfig ReleasedScheduler { get; } = new() { Shift = 3, UseDynamicShifting = true };

    /// <summary>The registration, made once by <see cref="ModelFamilies"/>.</summary>
    internal static ModelFamily Create() =>
        new()
        {
            Name = "flux2",
            Title = "FLUX.2",
            PipelineClasses = [PipelineClass, "Flux2Pipeline"],
            NameParts = ["flux2"],
            ScheduleOf = (steps, tokens) =>
                NoiseSchedule.DynamicShift(steps, FlowMatchEuler.EmpiricalMu(tokens, steps)),
            ScheduleText = "dynamic shift, empirical mu",
            AdapterTargets = AdapterTargets,
            Autoencoder = AutoencoderKind.KLFlux2,
            SaysWhetherDistilled = true,
            Schedule = (config, steps, tokens) =>
                config.UseDynamicShifting
                    ? NoiseSchedule.DynamicShift(steps, FlowMatchEuler.EmpiricalMu(tokens, steps))
                    : NoiseSchedule.FlowMatchEuler(steps, config.Shift),
            Encoders = new(Flux2PromptEncoder.DefaultSequenceLength, [nameof(Qwen3ForCausalLM)]),
            LoadEncoders = Flux2PromptEncoder.FromFolder,
            TextTokensOf = _ => Flux2PromptEncoder.DefaultSequenceLength,
            Transformer = new(
                nameof(Flux2Transformer2DModel),
                json => new Flux2Transformer2DModel(Flux2TransformerConfig.Read(json))
            )
            {
                LeastElements = json => Flux2TransformerConfig.Read(json).LeastElements,
                ModelWords = ["flux.2", "transformer"],
                Keys = ["timestep_guidance_channels"],
            },
            OriginalNames = Flux2OriginalNames.Table,
            Released = new(
                ["flux2klein9b", "flux2kleinbase9b"],
                () => Planned(ReleasedTransformer, ReleasedAutoencoder)
            ),
        };

    /// <summary>A FLUX.2 model of any size on paper, text encoder as released, without a reward.</summary>
    /// <param name="transformer">The transformer.</param>
    /// <param name="autoencoder">The autoencoder.</param>
    public static PlannedModel Planned(Flux2TransformerConfig transformer, AutoencoderKLFlux2Config autoencoder) =>
        new()
        {
            Name = "FLUX.2-Klein-base 9B",
            Transformer = MetaNetwork.Build(() => new Flux2Transformer2DModel(transformer)),
            AdapterTargets = AdapterTargets,
            Decoder = new TracedDecoder(autoencoder.Towers),
            AutoencoderParameters = MetaNetwork.Parameters(() => new AutoencoderKLFlux2(autoencoder)),
            TextTokens = Flux2PromptEncoder.DefaultSequenceLength,
            TextEncoders = [PlannedEncoder.Qwen3],
            TakesGuidance = true,
            Resolution = PlannedModel.UsualResolution,
            RewardParameters = 0,
        };
}
