// A loaded model of any family: the network that is trained, what decodes its latents, where its prompts come from, its schedule. What
// is particular to the family says its record, what is particular to the network says the network; training and sampling ask here.
//
// Shapes: C channels, Y X latent elements.

using FlowBP.Families.Networks;
using FlowBP.Models.Adapters;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Prompts;
using FlowBP.Models.Schedulers;
using FlowBP.Settings;
using FlowBP.Surrogates;

namespace FlowBP.Families;

/// <summary>A model, as a folder in diffusers' layout holds it (<see cref="StoredModel"/>). It owns its networks.</summary>
public sealed class FlowModel : IDisposable
{
    /// <summary>Puts a model together; only its transformer's parameters receive gradients from then on.</summary>
    /// <param name="family">The family.</param>
    /// <param name="transformer">The velocity network; like what follows, it is the model's.</param>
    /// <param name="vae">The autoencoder.</param>
    /// <param name="scheduler">Settings of the noise schedule, in whose timesteps the network is told the time.</param>
    /// <param name="prompts">Where embeddings of prompts come from.</param>
    public FlowModel(
        ModelFamily family,
        FlowTransformer transformer,
        LatentAutoencoder vae,
        FlowMatchEulerConfig scheduler,
        IPromptSource prompts
    )
    {
        (Family, Transformer, Vae, Scheduler, Prompts) = (family, transformer, vae, scheduler, prompts);
        transformer.TrainTimesteps = scheduler.NumTrainTimesteps;
        vae.eval();
        foreach (var parameter in vae.parameters())
        {
            parameter.requires_grad = false;
        }
    }

    /// <summary>The family.</summary>
    public ModelFamily Family { get; }

    /// <summary>The velocity network, the part that is trained.</summary>
    public FlowTransformer Transformer { get; }

    /// <summary>The autoencoder.</summary>
    public LatentAutoencoder Vae { get; }

    /// <summary>Settings of the noise schedule.</summary>
    public FlowMatchEulerConfig Scheduler { get; }

    /// <summary>Where embeddings of prompts come from; the model's.</summary>
    public IPromptSource Prompts { get; }

    /// <summary>Whether the model was distilled to few steps without guidance.</summary>
    public bool IsDistilled { get; init; }

    /// <summary>
    /// Whether guidance needs a negative branch. Where not, its scale is an input of the network or has no effect at all.
    /// </summary>
    public bool HasNegativeBranch => !IsDistilled && !Family.HasEmbeddedGuidance && !Transformer.TakesGuidance;

    /// <summary>The untrained parts in the folder that the model comes from; null: they were made here.</summary>
    internal UntrainedParts? Source { get; init; }

    /// <summary>Pixels along a side of a latent element.</summary>
    public int PixelsPerLatent => Vae.SpatialCompression * ElementsPerSide;

    // Elements of the autoencoder's latent along a side of an element of the network's: more than one where it takes patches.
    private int ElementsPerSide => Transformer.PatchSize / Transformer.TokenSide;

    /// <summary>The size of a latent, [C, Y, X].</summary>
    /// <param name="size">Size of the picture; null: the one the model was made for.</param>
    /// <exception cref="InvalidSettingException">The network can't paint this size.</exception>
    public long[] LatentShape(ImageSize? size)
    {
        var channels = Vae.LatentChannels * ElementsPerSide * ElementsPerSide;
        if (size is null && Transformer.SampleSize is { } side)
        {
            return [channels, side, side];
        }
        var unit = Transformer.PatchSize * Vae.SpatialCompression;
        var pixels = size ?? new ImageSize(Vae.SampleSize, Vae.SampleSize);
        var (rows, columns) = pixels.In(unit);
        return Transformer.MostTokensPerSide is { } most && Math.Max(rows, columns) > most
            ? throw new InvalidSettingException(
                $"found a picture of {pixels.Height} × {pixels.Width} pixels, expected sides of at most"
                    + $" {most * unit}, for which this model has positions"
            )
            : [channels, rows * Transformer.TokenSide, columns * Transformer.TokenSide];
    }

    /// <summary>The schedule of a number of steps, as the model's folder and family say.</summary>
    /// <param name="steps">N.</param>
    /// <param name="latentShape">[C, Y, X], of which a schedule may depend.</param>
    public NoiseSchedule Schedule(int steps, long[] latentShape) =>
        Family.Schedule(Scheduler, steps, (int)Transformer.GridOf([1, .. latentShape]).Count);

    /// <summary>The velocity network, without a negative branch, as it is pulled back.</summary>
    /// <param name="guidance">Guidance scale, for networks that take it as an input.</param>
    /// <param name="adapter">An adapter of its layers, the caller's, or null.</param>
    public BlockwiseTransformer Blockwise(double guidance, LoraAdapter? adapter = null) =>
        new(Transformer, guidance, adapter);

    /// <summary>What the network reads of some prompts, without a negative branch.</summary>
    /// <param name="embeddings">What <see cref="Prompts"/> returned; ownership passes over.</param>
    /// <exception cref="Formats.CheckpointException">They belong to another model.</exception>
    public Conditioning Condition(IReadOnlyDictionary<string, Tensor> embeddings) =>
        FlowTransformer.Condition(
            PromptEmbeds.TextOf(embeddings, Transformer.TextWidth),
            Transformer.PooledWidth is { } width ? PromptEmbeds.PooledOf(embeddings, width) : null
        );

    /// <summary>Moves everything, in place.</summary>
    /// <param name="device">Where to.</param>
    public void To(Device device)
    {
        Transformer.to(device);
        Vae.to(device);
        Prompts.To(device);
    }

    /// <summary>Disposes the networks and the prompts.</summary>
    public void Dispose()
    {
        Prompts.Dispose();
        Transformer.Dispose();
        Vae.Dispose();
    }
}
