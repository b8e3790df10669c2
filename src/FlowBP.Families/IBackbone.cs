// The families of models differ in how they are conditioned, guided, scheduled and decoded, and in the shape of a latent. One
// class per family says how; training and sampling ask this interface and know no family.
// Shape legend: C channels, Y X latent elements.

using FlowBP.Kernels;
using FlowBP.Models.Autoencoders;
using FlowBP.Surrogates;

namespace FlowBP.Families;

/// <summary>A loaded model of one family.</summary>
public interface IBackbone : IDisposable
{
    /// <summary>The velocity network, the part that is trained.</summary>
    nn.Module Transformer { get; }

    /// <summary>The autoencoder.</summary>
    LatentAutoencoder Vae { get; }

    /// <summary>Where embeddings of prompts come from; the backbone's.</summary>
    IPromptSource Prompts { get; }

    /// <summary>
    /// Whether guidance needs a negative branch. Where not, its scale is an input of the network or has no effect at all.
    /// </summary>
    bool HasNegativeBranch { get; }

    /// <summary>The layers that adapters of this family change unless told otherwise.</summary>
    IReadOnlyList<string> LoraTargets { get; }

    /// <summary>Pixels along a side of a latent element.</summary>
    int PixelsPerLatent { get; }

    /// <summary>The size of a latent, [C, Y, X].</summary>
    /// <param name="size">Size of the picture; null: the one the model was made for.</param>
    /// <exception cref="ArgumentException">The network can't paint this size.</exception>
    long[] LatentShape(ImageSize? size);

    /// <summary>The schedule of a number of steps, as the model's folder and family say.</summary>
    /// <param name="steps">N.</param>
    /// <param name="latentShape">[C, Y, X], of which a schedule may depend.</param>
    NoiseSchedule Schedule(int steps, long[] latentShape);

    /// <summary>The velocity network, without a negative branch, as it is pulled back.</summary>
    /// <param name="guidance">Guidance scale, for networks that take it as an input.</param>
    IBlockwiseNetwork Blockwise(double guidance);

    /// <summary>The velocity field, without a negative branch.</summary>
    /// <param name="guidance">Guidance scale, for networks that take it as an input.</param>
    /// <param name="checkpointing">How the network is cut up for pullbacks; null: one block at a time.</param>
    /// <param name="gradients">Where gradients of the parameters go; null: to their <c>grad</c>.</param>
    BlockwiseVelocityField Field(
        double guidance,
        GradientCheckpointing? checkpointing = null,
        IParameterGradients? gradients = null
    ) => new(Blockwise(guidance), checkpointing, gradients);

    /// <summary>What the field reads of some prompts, without a negative branch.</summary>
    /// <param name="embeddings">What <see cref="Prompts"/> returned; ownership passes over.</param>
    /// <exception cref="Formats.CheckpointException">They belong to another model.</exception>
    Conditioning Condition(IReadOnlyDictionary<string, Tensor> embeddings);

    /// <summary>Has evaluations without gradients use fused operations, where the network has such a path.</summary>
    /// <param name="kernels">The operations; null: separate operations again.</param>
    void UseRolloutKernels(IRolloutKernels? kernels);

    /// <summary>Moves everything, in place.</summary>
    /// <param name="device">Where to.</param>
    void To(Device device);

    /// <summary>Writes the velocity network, the part that is trained, into a folder in diffusers' layout.</summary>
    /// <param name="folder">The folder of the model.</param>
    /// <param name="changes">As in <see cref="Formats.Checkpoint.Save"/>.</param>
    /// <exception cref="Formats.CheckpointException">A file cannot be written.</exception>
    void SaveTransformer(string folder, IReadOnlyDictionary<string, Func<Tensor>>? changes);

    /// <summary>Stores the other parts as they came, and the table of contents after them.</summary>
    /// <param name="folder">The folder of the model.</param>
    /// <param name="notice">Hears of a file that no loader needs and that is left out; null: nobody.</param>
    /// <exception cref="Formats.CheckpointException">A file cannot be read or written.</exception>
    void SaveOtherParts(string folder, Action<string>? notice);

    /// <summary>Looks whether the other parts can be read, before time is spent on a model that could not be stored whole.</summary>
    /// <param name="notice">As above.</param>
    /// <exception cref="Formats.CheckpointException">A file that belongs to a part can't be read.</exception>
    void RequireReadable(Action<string>? notice);

    /// <summary>Writes the whole model in diffusers' layout.</summary>
    /// <param name="folder">The folder to write.</param>
    /// <exception cref="Formats.CheckpointException">A file cannot be read or written.</exception>
    void Save(string folder)
    {
        SaveTransformer(folder, null);
        SaveOtherParts(folder, null);
    }
}
