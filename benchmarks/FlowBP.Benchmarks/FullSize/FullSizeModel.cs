// The released models at their full size, or with fewer layers of the full width, which fit where the full size does not.

using FlowBP.Families;
using FlowBP.Families.Flux1;
using FlowBP.Families.Flux2;
using FlowBP.Families.SD3;
using FlowBP.Families.Tracing;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Clip;
using FlowBP.Training.Planning;

namespace FlowBP.Benchmarks.FullSize;

/// <summary>Types of the weights.</summary>
/// <param name="Transformer">Of the transformer as it is built: float32 where masters are made of it.</param>
/// <param name="Frozen">Of autoencoder and reward.</param>
internal readonly record struct WeightTypes(ScalarType Transformer, ScalarType Frozen);

/// <summary>A model to be built with random weights, and the same model on paper.</summary>
/// <param name="Planned">On paper.</param>
/// <param name="Reward">Sizes of the reward.</param>
/// <param name="Build">Builds the networks.</param>
internal sealed record FullSizeModel(
    PlannedModel Planned,
    OpenClipConfig Reward,
    Func<RandomValues, WeightTypes, FlowModel> Build
)
{
    /// <summary>Names of the models.</summary>
    internal static IReadOnlyList<string> Names => PlannedModels.Names;

    /// <summary>A released model.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="layers">Layers of the transformer, of each kind, and of the reward's towers; null: all.</param>
    internal static FullSizeModel Find(string name, int? layers)
    {
        int Few(int all) => Math.Min(all, layers ?? int.MaxValue);
        var full = OpenClipConfig.HpsV2;
        var reward = full with
        {
            Vision = full.Vision with { Layers = Few(full.Vision.Layers) },
            Text = full.Text with { Layers = Few(full.Text.Layers) },
        };
        var sd35 = SD3Family.ReleasedTransformer;
        var flux1 = Flux1Family.ReleasedTransformer;
        var flux2 = Flux2Family.ReleasedTransformer;
        return name switch
        {
            "sd35" => Of(
                sd35 with
                {
                    NumLayers = Few(sd35.NumLayers),
                    DualAttentionLayers = [.. sd35.DualAttentionLayers.Where(layer => layer < Few(sd35.NumLayers))],
                },
                SD3Family.ReleasedAutoencoder,
                reward
            ),
            "flux1" => Of(
                flux1 with
                {
                    NumLayers = Few(flux1.NumLayers),
                    NumSingleLayers = Few(flux1.NumSingleLayers),
                },
                Flux1Family.ReleasedAutoencoder,
                reward
            ),
            "flux2" => Of(
                flux2 with
                {
                    NumLayers = Few(flux2.NumLayers),
                    NumSingleLayers = Few(flux2.NumSingleLayers),
                },
                Flux2Family.ReleasedAutoencoder,
                reward
            ),
            _ => throw new ArgumentException($"unknown model '{name}': expected one of {string.Join(", ", Names)}"),
        };
    }

    /// <summary>A Stable Diffusion 3.5 model.</summary>
    internal static FullSizeModel Of(SD3TransformerConfig sizes, AutoencoderKLConfig autoencoder, OpenClipConfig reward)
    {
        var planned = SD3Family.Planned(sizes, autoencoder).With(reward);
        return new(
            planned,
            reward,
            (values, types) =>
                new FlowModel(
                    family: ModelFamilies.SD35,
                    transformer: Transformer(values, types, () => new SD3Transformer2DModel(sizes)),
                    vae: RandomNetwork.Build(values, types.Frozen, () => new AutoencoderKL(autoencoder)),
                    scheduler: SD3Family.ReleasedScheduler,
                    prompts: Prompts(values, planned, sizes.JointAttentionDim, sizes.PooledProjectionDim)
                )
        );
    }

    /// <summary>A FLUX.1 model.</summary>
    internal static FullSizeModel Of(
        FluxTransformerConfig sizes,
        AutoencoderKLConfig autoencoder,
        OpenClipConfig reward
    )
    {
        var planned = Flux1Family.Planned(sizes, autoencoder).With(reward);
        return new(
            planned,
            reward,
            (values, types) =>
                new FlowModel(
                    family: ModelFamilies.Flux1,
                    transformer: Transformer(values, types, () => new FluxTransformer2DModel(sizes)),
                    vae: RandomNetwork.Build(values, types.Frozen, () => new AutoencoderKL(autoencoder)),
                    scheduler: Flux1Family.ReleasedScheduler,
                    prompts: Prompts(values, planned, sizes.JointAttentionDim, sizes.PooledProjectionDim)
                )
        );
    }

    /// <summary>A FLUX.2 model.</summary>
    internal static FullSizeModel Of(
        Flux2TransformerConfig sizes,
        AutoencoderKLFlux2Config autoencoder,
        OpenClipConfig reward
    )
    {
        var planned = Flux2Family.Planned(sizes, autoencoder).With(reward);
        return new(
            planned,
            reward,
            (values, types) =>
                new FlowModel(
                    family: ModelFamilies.Flux2,
                    transformer: Transformer(values, types, () => new Flux2Transformer2DModel(sizes)),
                    vae: RandomNetwork.Build(values, types.Frozen, () => new AutoencoderKLFlux2(autoencoder)),
                    scheduler: Flux1Family.ReleasedScheduler,
                    prompts: Prompts(values, planned, sizes.JointAttentionDim, pooled: null)
                )
        );
    }

    private static T Transformer<T>(RandomValues values, WeightTypes types, Func<T> make)
        where T : nn.Module => RandomNetwork.Build(values, types.Transformer, make);

    private static RandomPrompts Prompts(RandomValues values, PlannedModel planned, int width, int? pooled) =>
        new(values, planned.TextTokens, width, pooled);
}
