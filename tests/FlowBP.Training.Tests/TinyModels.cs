// Model folders of every family, small enough for a test and with weights that nothing cancels.

using FlowBP.Families;
using FlowBP.Families.Flux1;
using FlowBP.Families.Flux2;
using FlowBP.Families.SD3;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Layers;
using FlowBP.Models.Prompts;
using FlowBP.Models.Schedulers;

namespace FlowBP.Training.Tests;

internal static class TinyModels
{
    public const int TextWidth = 12;
    public const int PooledWidth = 6;

    /// <summary>Pixels per side.</summary>
    public const int Side = 16;

    private static readonly AutoencoderKLConfig s_vae = new()
    {
        BlockOutChannels = [8, 16],
        NormNumGroups = 4,
        LatentChannels = 4,
        SampleSize = Side,
    };

    /// <summary>Families by the names of their pipelines, each with what writes a folder of it.</summary>
    public static readonly IReadOnlyDictionary<string, Action<string>> Writers = new Dictionary<string, Action<string>>
    {
        [SD3Family.PipelineClass] = WriteSD3,
        [Flux1Family.PipelineClass] = folder => WriteFlux(folder),
        [Flux2Family.PipelineClass] = folder => WriteFlux2(folder),
    };

    public static void WriteSD3(string folder)
    {
        using var model = new FlowModel(
            family: ModelFamilies.SD35,
            transformer: Busy(
                new SD3Transformer2DModel(
                    new()
                    {
                        SampleSize = Side / 2,
                        InChannels = 4,
                        OutChannels = 4,
                        NumLayers = 2,
                        AttentionHeadDim = 8,
                        NumAttentionHeads = 2,
                        JointAttentionDim = TextWidth,
                        PooledProjectionDim = PooledWidth,
                        PosEmbedMaxSize = 8,
                    }
                )
            ),
            prompts: new Prompts(),
            vae: Busy(new AutoencoderKL(s_vae)),
            scheduler: new() { Shift = 3 }
        );
        model.Save(folder);
    }

    public static void WriteFlux(string folder, int inChannels = 16)
    {
        using var model = new FlowModel(
            family: ModelFamilies.Flux1,
            transformer: Busy(
                new FluxTransformer2DModel(
                    new()
                    {
                        InChannels = inChannels,
                        OutChannels = inChannels,
                        NumLayers = 1,
                        NumSingleLayers = 1,
                        AttentionHeadDim = 8,
                        NumAttentionHeads = 2,
                        JointAttentionDim = TextWidth,
                        PooledProjectionDim = PooledWidth,
                        GuidanceEmbeds = true,
                        AxesDimsRope = [2, 2, 4],
                    }
                )
            ),
            prompts: new Prompts(),
            vae: Busy(new AutoencoderKL(s_vae)),
            scheduler: Dynamic()
        );
        model.Save(folder);
    }

    public static void WriteFlux2(string folder, bool distilled = false)
    {
        using var model = new FlowModel(
            family: ModelFamilies.Flux2,
            transformer: Busy(
                new Flux2Transformer2DModel(
                    new()
                    {
                        InChannels = 16,
                        OutChannels = 16,
                        NumLayers = 1,
                        NumSingleLayers = 1,
                        AttentionHeadDim = 8,
                        NumAttentionHeads = 2,
                        JointAttentionDim = TextWidth,
                        AxesDimsRope = [2, 2, 2, 2],
                        GuidanceEmbeds = false,
                    }
                )
            ),
            prompts: new Prompts(),
            vae: Busy(new AutoencoderKLFlux2(new() { Towers = s_vae })),
            scheduler: Dynamic()
        )
        {
            IsDistilled = distilled,
        };
        model.Save(folder);
    }

    private static FlowMatchEulerConfig Dynamic() => new() { Shift = 3, UseDynamicShifting = true };

    // A new transformer's output is zero; nothing of this one's is.
    private static T Busy<T>(T module)
        where T : nn.Module
    {
        ParameterInitialization.Apply(module, seed: 7);
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        foreach (var (_, parameter) in module.named_parameters())
        {
            parameter.add_(Waves(0.7, parameter.shape) * 0.05);
        }
        return module;
    }

    /// <summary>Values in [−1, 1] without structure, the same in every run.</summary>
    public static Tensor Waves(double phase, params long[] shape)
    {
        var count = (int)shape.Aggregate(1L, (n, extent) => n * extent);
        float[] values =
        [
            .. Enumerable.Range(0, count).Select(i => (float)Math.Sin(phase + 12.9898 * i + 0.5 * i * i)),
        ];
        return torch.tensor(values).reshape(shape);
    }

    /// <summary>Embeddings that are functions of the prompt's characters: what a family's text encoders would give.</summary>
    /// <param name="textWidth">Width of the text sequence.</param>
    public sealed class Prompts(int textWidth = TextWidth) : IPromptSource
    {
        public IReadOnlyDictionary<string, Tensor> Encode(IReadOnlyList<string> prompts) =>
            new Dictionary<string, Tensor>
            {
                ["prompt_embeds"] = Of(prompts, 5, textWidth),
                ["pooled_prompt_embeds"] = Of(prompts, PooledWidth),
            };

        public void To(Device device) { }

        public void Dispose() { }

        private static Tensor Of(IReadOnlyList<string> prompts, params long[] shape)
        {
            using var scope = torch.NewDisposeScope();
            return torch
                .stack(prompts.Select(prompt => Waves(prompt.Sum(letter => letter) * 0.1, shape)), 0)
                .DetachFromDisposeScope();
        }
    }
}
