// FLUX.1: the guidance scale is an input of the network, so that there is one branch only. Latents stay as the autoencoder
// makes them; the field cuts them into patches.
// Shape legend: C channels, Y X latent elements.

using FlowBP.Kernels;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Layers;
using FlowBP.Surrogates;

namespace FlowBP.Families.Flux1;

/// <summary>A FLUX.1 model.</summary>
public sealed class FluxBackbone : IBackbone
{
    private readonly FluxPipeline model;

    private FluxBackbone(FluxPipeline model, IPromptSource prompts)
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
    public bool HasNegativeBranch => false;

    /// <inheritdoc/>
    public IReadOnlyList<string> LoraTargets => Flux1Family.AdapterTargets;

    /// <inheritdoc/>
    public int PixelsPerLatent => model.Vae.Config.SpatialCompression;

    /// <summary>Loads a model folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="prompts">As in <see cref="Backbones.Load"/>.</param>
    /// <param name="transformer">As there.</param>
    /// <exception cref="Formats.CheckpointException">A file is missing, damaged, or does not fit the others.</exception>
    public static IBackbone Load(string folder, IPromptSource? prompts, string? transformer = null)
    {
        var model = FluxPipeline.Load(folder, transformer);
        try
        {
            return new FluxBackbone(model, prompts ?? TextEncoders.Of(folder));
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
    public static IBackbone Of(FluxPipeline model, IPromptSource prompts) => new FluxBackbone(model, prompts);

    /// <inheritdoc/>
    public long[] LatentShape(ImageSize? size)
    {
        var config = model.Vae.Config;
        var pixels = size ?? new ImageSize(config.SampleSize, config.SampleSize);
        var (rows, columns) = pixels.In(LatentPatches.Side * PixelsPerLatent);
        return [config.LatentChannels, rows * LatentPatches.Side, columns * LatentPatches.Side];
    }

    /// <inheritdoc/>
    public NoiseSchedule Schedule(int steps, long[] latentShape) =>
        model.Scheduler.Schedule(
            steps,
            (int)(latentShape[1] * latentShape[2]) / (LatentPatches.Side * LatentPatches.Side)
        );

    /// <inheritdoc/>
    public IBlockwiseNetwork Blockwise(double guidance) => new FluxBlockwise(model.Transformer, guidance);

    /// <inheritdoc/>
    public Conditioning Condition(IReadOnlyDictionary<string, Tensor> embeddings)
    {
        var config = model.Transformer.Config;
        return FluxField.Condition(
            PromptEmbeds.TextOf(embeddings, config.JointAttentionDim),
            PromptEmbeds.PooledOf(embeddings, config.PooledProjectionDim)
        );
    }

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
