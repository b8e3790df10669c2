// A loaded model of any family: the network that is trained, what decodes its latents, where its prompts come from, its schedule. What
// is particular to the family says its record, what is particular to the network says the network; training and sampling ask here.
//
// Shapes: C channels, Y X latent elements.

using FlowBP.Families.Networks;
using FlowBP.Formats;
using FlowBP.Models.Adapters;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Layers;
using FlowBP.Models.Prompts;
using FlowBP.Models.Schedulers;
using FlowBP.Settings;
using FlowBP.Surrogates;

namespace FlowBP.Families;

/// <summary>A model, as a folder in diffusers' layout holds it. It owns its networks.</summary>
public sealed class FlowModel : IDisposable
{
    private const string DistilledKey = "is_distilled";

    // The folder that the untrained parts come from, and stay as they are in; null: they were made here.
    private UntrainedParts? source;

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

    /// <summary>Pixels along a side of a latent element.</summary>
    public int PixelsPerLatent => Vae.SpatialCompression * ElementsPerSide;

    // Elements of the autoencoder's latent along a side of an element of the network's: more than one where it takes patches.
    private int ElementsPerSide => Transformer.PatchSize / Transformer.TokenSide;

    /// <summary>Loads a model; only its transformer's parameters receive gradients.</summary>
    /// <param name="folder">A folder in diffusers' layout.</param>
    /// <param name="prompts">
    /// Where embeddings of prompts come from, passed over to the model; null: from the folder's own text encoders, which are not
    /// loaded otherwise.
    /// </param>
    /// <param name="transformer">A file of the transformer's weights instead of the folder's; null: the folder's.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit, or the family is not known.</exception>
    public static FlowModel Load(string folder, IPromptSource? prompts = null, string? transformer = null)
    {
        using var made = new Unfinished();
        if (prompts is not null)
        {
            made.Add(prompts);
        }
        var layout = new DiffusersFolder(folder);
        var family = ModelFamilies.Reading(layout);
        layout.Contents.RequirePipeline(
            family.PipelineClasses[0],
            family.Transformer.Name,
            family.Autoencoder.Name,
            FlowMatchEulerConfig.ClassName,
            family.Encoders.Classes.Count
        );
        // A wrong schedule, or a part that is missing, should not cost the time of reading gigabytes.
        var scheduler = FlowMatchEulerConfig.Read(layout.SchedulerConfig);
        if (prompts is null)
        {
            family.RequireEncoders?.Invoke(layout);
        }
        var vae = made.Add(family.Autoencoder.Load(layout.Vae));
        var network = made.Add(family.LoadTransformer(layout.Transformer, transformer));
        if (network.PatchChannels is { } channels)
        {
            PatchedLatents.Require(layout, channels, vae.LatentChannels);
        }
        var model = new FlowModel(family, network, vae, scheduler, prompts ?? PromptEncoders.Of(folder))
        {
            IsDistilled = family.SaysWhetherDistilled && layout.Contents.Settings.Bool(DistilledKey, false),
            source = new UntrainedParts(layout),
        };
        made.Finish();
        return model;
    }

    /// <summary>
    /// Puts the transformer's weights between those of the model that was aligned and its own: <c>w ← base + t·(w − base)</c>, in
    /// float32 and rounded once to the type of the weights.
    /// </summary>
    /// <param name="folder">Folder of the base, of the same family and sizes.</param>
    /// <param name="strength">t; 0: the base's weights, to the bit where the types are the same.</param>
    /// <exception cref="CheckpointException">The base is missing or damaged, or its network is another one.</exception>
    public void Interpolate(string folder, double strength)
    {
        var layout = new DiffusersFolder(folder);
        var family = ModelFamilies.Reading(layout);
        if (family != Family)
        {
            throw CheckpointException.ForFile(folder, $"found a model of {family.Name}, expected one of {Family.Name}");
        }
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var network = family.LoadTransformer(layout.Transformer);
        var from = network.named_parameters().ToDictionary(own => own.name, own => (Tensor)own.parameter);
        foreach (var (name, parameter) in Transformer.named_parameters())
        {
            using var inner = torch.NewDisposeScope();
            if (!from.TryGetValue(name, out var start) || !start.shape.SequenceEqual(parameter.shape))
            {
                throw CheckpointException.ForFile(
                    layout.Transformer,
                    $"found no tensor '{name}' [{string.Join(", ", parameter.shape)}], expected the network that was aligned"
                );
            }
            var base32 = start.to(ScalarType.Float32);
            parameter.copy_(base32 + (parameter.to(ScalarType.Float32) - base32) * strength);
        }
    }

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
    /// <exception cref="CheckpointException">They belong to another model.</exception>
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

    /// <summary>Writes the whole model in diffusers' layout, <c>model_index.json</c> last.</summary>
    /// <param name="folder">The folder to write.</param>
    /// <param name="dtype">Storage type of the weights that are written; each tensor's own if null.</param>
    /// <exception cref="CheckpointException">A file cannot be read or written.</exception>
    public void Save(string folder, ScalarType? dtype = null)
    {
        SaveTransformer(folder, dtype);
        SaveOtherParts(folder, dtype);
    }

    /// <summary>Writes the velocity network alone.</summary>
    /// <param name="folder">The folder of the model.</param>
    /// <param name="dtype">Storage type of its weights; each tensor's own if null.</param>
    /// <param name="changes">As in <see cref="Checkpoint.Save"/>.</param>
    /// <exception cref="CheckpointException">A file cannot be written.</exception>
    public void SaveTransformer(
        string folder,
        ScalarType? dtype = null,
        IReadOnlyDictionary<string, Func<Tensor>>? changes = null
    ) =>
        ModuleFolder.WriteNetwork(
            new DiffusersFolder(folder).Transformer,
            Transformer.ConfigJson,
            Transformer,
            dtype,
            changes: changes
        );

    /// <summary>
    /// Stores the other parts, then <c>model_index.json</c>: those of a model that was loaded byte for byte as they lie in its folder.
    /// </summary>
    /// <param name="folder">The folder of the model.</param>
    /// <param name="dtype">Storage type of weights that are written; each tensor's own if null.</param>
    /// <param name="notice">As in <see cref="UntrainedParts.WriteTo"/>.</param>
    /// <exception cref="CheckpointException">A file cannot be read or written.</exception>
    public void SaveOtherParts(string folder, ScalarType? dtype = null, Action<string>? notice = null)
    {
        if (source is not null)
        {
            source.WriteTo(folder, notice);
            return;
        }
        var layout = new DiffusersFolder(folder);
        List<IndexEntry> parts =
        [
            new("scheduler", "diffusers", FlowMatchEulerConfig.ClassName),
            new("transformer", "diffusers", Family.Transformer.Name),
            new("vae", "diffusers", Family.Autoencoder.Name),
            .. (Prompts as IWritablePrompts)?.Write(layout, dtype) ?? NoEncoders(layout),
        ];
        ModuleFolder.WriteNetwork(layout.Vae, Vae.ConfigJson, Vae, dtype);
        AtomicFile.WriteText(layout.SchedulerConfig, Scheduler.ToJson());
        ModelIndex.Write(
            layout,
            Family.PipelineClasses[0],
            parts,
            Family.SaysWhetherDistilled ? (DistilledKey, IsDistilled) : null
        );
    }

    /// <summary>Looks whether the other parts can be read, before time is spent on a model that could not be stored whole.</summary>
    /// <param name="notice">As above.</param>
    /// <exception cref="CheckpointException">A file that belongs to a part can't be read.</exception>
    public void RequireReadable(Action<string>? notice = null) => source?.RequireReadable(notice);

    /// <summary>Disposes the networks and the prompts.</summary>
    public void Dispose()
    {
        Prompts.Dispose();
        Transformer.Dispose();
        Vae.Dispose();
    }

    private IEnumerable<IndexEntry> NoEncoders(DiffusersFolder layout) =>
        Enumerable
            .Range(1, Family.Encoders.Classes.Count)
            .SelectMany(number => new[] { layout.TextEncoder(number), layout.Tokenizer(number) })
            .Select(part => new IndexEntry(Path.GetFileName(part), null, null));
}
