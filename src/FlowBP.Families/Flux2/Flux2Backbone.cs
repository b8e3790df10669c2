// FLUX.2 Klein: classifier-free guidance, as far as the model was not distilled from it, latents that are normalised patches,
// and a schedule whose shift follows its own empirical rule.
// Shape legend: C channels of a patch, Y X patches.

using FlowBP.Kernels;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Layers;
using FlowBP.Surrogates;

namespace FlowBP.Families.Flux2;

/// <summary>A FLUX.2 Klein model.</summary>
public sealed class Flux2Backbone : IBackbone
{
    private readonly Flux2KleinPipeline model;

    private Flux2Backbone(Flux2KleinPipeline model, IPromptSource prompts)
    {
        this.model = model;
        Prompts = prompts;
        Backbones.Freeze(model.Vae);
    }

    /// <inheritdoc/>
    public nn.Module Transformer => model.Transformer;

    /// <inheritdoc/>
    public LatentAutoencoder Vae => model.Vae;

    /// <inheritdoc/>
    public IPromptSource Prompts { get; }

    /// <inheritdoc/>
    public bool HasNegativeBranch => !model.IsDistilled && !model.Transformer.Config.GuidanceEmbeds;

    /// <inheritdoc/>
    public IReadOnlyList<string> LoraTargets => Flux2Family.AdapterTargets;

    /// <inheritdoc/>
    public int PixelsPerLatent => LatentPatches.Side * model.Vae.Config.Towers.SpatialCompression;

    /// <summary>Loads a model folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="prompts">As in <see cref="Backbones.Load"/>.</param>
    /// <param name="transformer">As there.</param>
    /// <exception cref="Formats.CheckpointException">A file is missing, damaged, or does not fit the others.</exception>
    public static IBackbone Load(string folder, IPromptSource? prompts, string? transformer = null)
    {
        var model = Flux2KleinPipeline.Load(folder, transformer);
        try
        {
            return new Flux2Backbone(model, prompts ?? TextEncoders.Of(folder));
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>A backbone of networks that are there already.</summary>
    /// <param name="model">The networks; they belong to the backbone from here on.</param>
    /// <param name="prompts">Where embeddings come from; the backbone's too.</param>
    public static IBackbone Of(Flux2KleinPipeline model, IPromptSource prompts) => new Flux2Backbone(model, prompts);

    /// <inheritdoc/>
    public long[] LatentShape(ImageSize? size)
    {
        var towers = model.Vae.Config.Towers;
        var pixels = size ?? new ImageSize(towers.SampleSize, towers.SampleSize);
        var (rows, columns) = pixels.In(PixelsPerLatent);
        return [model.Transformer.Config.InChannels, rows, columns];
    }

    /// <inheritdoc/>
    public NoiseSchedule Schedule(int steps, long[] latentShape) =>
        model.Scheduler.UseDynamicShifting
            ? NoiseSchedule.DynamicShift(
                steps,
                FlowMatchEuler.EmpiricalMu((int)(latentShape[1] * latentShape[2]), steps)
            )
            : NoiseSchedule.FlowMatchEuler(steps, model.Scheduler.Shift);

    /// <inheritdoc/>
    public IBlockwiseNetwork Blockwise(double guidance) => new Flux2Blockwise(model.Transformer, guidance);

    /// <inheritdoc/>
    public Conditioning Condition(IReadOnlyDictionary<string, Tensor> embeddings) =>
        Flux2Field.Condition(PromptEmbeds.TextOf(embeddings, model.Transformer.Config.JointAttentionDim));

    /// <inheritdoc/>
    public void UseRolloutKernels(IRolloutKernels? kernels) => model.Transformer.UseRolloutKernels(kernels);

    /// <inheritdoc/>
    public void To(Device device)
    {
        model.Transformer.to(device);
        model.Vae.to(device);
        Prompts.To(device);
    }

    /// <inheritdoc/>
    public void SaveTransformer(string folder, IReadOnlyDictionary<string, Func<Tensor>>? changes) =>
        model.SaveTransformer(folder, changes: changes);

    /// <inheritdoc/>
    public void SaveOtherParts(string folder, Action<string>? notice) => model.SaveOtherParts(folder, notice: notice);

    /// <inheritdoc/>
    public void RequireReadable(Action<string>? notice) => model.RequireReadable(notice);

    /// <inheritdoc/>
    public void Dispose()
    {
        Prompts.Dispose();
        model.Dispose();
    }
}
