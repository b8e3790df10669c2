// Stable Diffusion 3 and 3.5: classifier-free guidance, and latents as the autoencoder makes them.
// Shape legend: C channels, Y X latent elements.

using FlowBP.Kernels;
using FlowBP.Models.Autoencoders;
using FlowBP.Settings;
using FlowBP.Surrogates;

namespace FlowBP.Families.SD3;

/// <summary>A Stable Diffusion 3 model.</summary>
public sealed class SD3Backbone : IBackbone
{
    private readonly SD3Pipeline model;

    private SD3Backbone(SD3Pipeline model, IPromptSource? prompts)
    {
        this.model = model;
        Prompts = prompts ?? new SD3TextTowers(model);
        foreach (var tower in model.TextTowers)
        {
            Backbones.Freeze(tower.Encoder);
        }
        if (model.T5 is { } t5)
        {
            Backbones.Freeze(t5.Encoder);
        }
        Backbones.Freeze(model.Vae);
    }

    /// <inheritdoc/>
    public nn.Module Transformer => model.Transformer;

    /// <inheritdoc/>
    public LatentAutoencoder Vae => model.Vae;

    /// <inheritdoc/>
    public IPromptSource Prompts { get; }

    /// <inheritdoc/>
    public bool HasNegativeBranch => true;

    /// <inheritdoc/>
    public IReadOnlyList<string> LoraTargets => SD3Family.AdapterTargets;

    /// <inheritdoc/>
    public int PixelsPerLatent => model.Vae.Config.SpatialCompression;

    /// <summary>Loads a model folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="prompts">As in <see cref="Backbones.Load"/>.</param>
    /// <param name="transformer">As there.</param>
    /// <exception cref="Formats.CheckpointException">A file is missing, damaged, or does not fit the others.</exception>
    public static IBackbone Load(string folder, IPromptSource? prompts, string? transformer = null) =>
        new SD3Backbone(SD3Pipeline.Load(folder, withTextEncoders: prompts is null, transformer), prompts);

    /// <summary>A backbone of networks that are there already.</summary>
    /// <param name="model">The networks; they belong to the backbone from here on.</param>
    /// <param name="prompts">Where embeddings come from, the backbone's too; null: from the model's own text towers.</param>
    public static IBackbone Of(SD3Pipeline model, IPromptSource? prompts = null) => new SD3Backbone(model, prompts);

    /// <inheritdoc/>
    public long[] LatentShape(ImageSize? size)
    {
        var config = model.Transformer.Config;
        if (size is not { } pixels)
        {
            return [config.InChannels, config.SampleSize, config.SampleSize];
        }
        var unit = config.PatchSize * PixelsPerLatent;
        var (rows, columns) = pixels.In(unit);
        if (Math.Max(rows, columns) > config.PosEmbedMaxSize)
        {
            throw new InvalidSettingException(
                $"found a picture of {pixels.Height} × {pixels.Width} pixels, expected sides of at most"
                    + $" {config.PosEmbedMaxSize * unit}, for which this model has positions"
            );
        }
        return [config.InChannels, rows * config.PatchSize, columns * config.PatchSize];
    }

    /// <inheritdoc/>
    public NoiseSchedule Schedule(int steps, long[] latentShape)
    {
        var patch = model.Transformer.Config.PatchSize;
        return model.Scheduler.Schedule(steps, (int)(latentShape[1] * latentShape[2]) / (patch * patch));
    }

    /// <inheritdoc/>
    public IBlockwiseNetwork Blockwise(double guidance) =>
        new SD3Blockwise(model.Transformer, model.Scheduler.NumTrainTimesteps);

    /// <inheritdoc/>
    public Conditioning Condition(IReadOnlyDictionary<string, Tensor> embeddings)
    {
        var config = model.Transformer.Config;
        return SD3Field.Condition(
            PromptEmbeds.TextOf(embeddings, config.JointAttentionDim),
            PromptEmbeds.PooledOf(embeddings, config.PooledProjectionDim)
        );
    }

    /// <inheritdoc/>
    public void UseRolloutKernels(IRolloutKernels? kernels) => model.Transformer.UseRolloutKernels(kernels);

    /// <inheritdoc/>
    public void To(Device device)
    {
        model.To(device);
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
