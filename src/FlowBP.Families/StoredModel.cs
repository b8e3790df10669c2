// A model as a folder in diffusers' layout: loaded from one, and written as one. What is not trained is stored as it came, byte for byte.

using FlowBP.Formats;
using FlowBP.Models.Layers;
using FlowBP.Models.Prompts;
using FlowBP.Models.Schedulers;

namespace FlowBP.Families;

/// <summary>Loads and writes model folders.</summary>
public static class StoredModel
{
    private const string DistilledKey = "is_distilled";

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
            Source = new UntrainedParts(layout),
        };
        made.Finish();
        return model;
    }

    /// <summary>Writes the whole model in diffusers' layout, <c>model_index.json</c> last.</summary>
    /// <param name="model">The model.</param>
    /// <param name="folder">The folder to write.</param>
    /// <param name="dtype">Storage type of the weights that are written; each tensor's own if null.</param>
    /// <exception cref="CheckpointException">A file cannot be read or written.</exception>
    public static void Save(this FlowModel model, string folder, ScalarType? dtype = null)
    {
        model.SaveTransformer(folder, dtype);
        model.SaveOtherParts(folder, dtype);
    }

    /// <summary>Writes the velocity network alone.</summary>
    /// <param name="model">The model.</param>
    /// <param name="folder">The folder of the model.</param>
    /// <param name="dtype">Storage type of its weights; each tensor's own if null.</param>
    /// <param name="changes">As in <see cref="Checkpoint.Save"/>.</param>
    /// <exception cref="CheckpointException">A file cannot be written.</exception>
    public static void SaveTransformer(
        this FlowModel model,
        string folder,
        ScalarType? dtype = null,
        IReadOnlyDictionary<string, Func<Tensor>>? changes = null
    ) =>
        ModuleFolder.WriteNetwork(
            new DiffusersFolder(folder).Transformer,
            model.Transformer.ConfigJson,
            model.Transformer,
            dtype,
            changes: changes
        );

    /// <summary>Writes the velocity network alone, of tensors that were copied from it.</summary>
    /// <param name="model">The model.</param>
    /// <param name="folder">The folder of the model.</param>
    /// <param name="tensors">Parameters and persistent buffers by name, in the network's order.</param>
    /// <exception cref="CheckpointException">A file cannot be written.</exception>
    public static void SaveCopiedTransformer(
        this FlowModel model,
        string folder,
        IReadOnlyDictionary<string, Tensor> tensors
    ) =>
        ModuleFolder.WriteCopiedNetwork(new DiffusersFolder(folder).Transformer, model.Transformer.ConfigJson, tensors);

    /// <summary>
    /// Stores the other parts, then <c>model_index.json</c>: those of a model that was loaded byte for byte as they lie in its folder.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="folder">The folder of the model.</param>
    /// <param name="dtype">Storage type of weights that are written; each tensor's own if null.</param>
    /// <param name="notice">As in <see cref="UntrainedParts.WriteTo"/>.</param>
    /// <exception cref="CheckpointException">A file cannot be read or written.</exception>
    public static void SaveOtherParts(
        this FlowModel model,
        string folder,
        ScalarType? dtype = null,
        Action<string>? notice = null
    )
    {
        if (model.Source is { } source)
        {
            source.WriteTo(folder, notice);
            return;
        }
        var (layout, family) = (new DiffusersFolder(folder), model.Family);
        List<IndexEntry> parts =
        [
            new("scheduler", "diffusers", FlowMatchEulerConfig.ClassName),
            new("transformer", "diffusers", family.Transformer.Name),
            new("vae", "diffusers", family.Autoencoder.Name),
            .. (model.Prompts as IWritablePrompts)?.Write(layout, dtype) ?? NoEncoders(family, layout),
        ];
        ModuleFolder.WriteNetwork(layout.Vae, model.Vae.ConfigJson, model.Vae, dtype);
        AtomicFile.WriteText(layout.SchedulerConfig, model.Scheduler.ToJson());
        ModelIndex.Write(
            layout,
            family.PipelineClasses[0],
            parts,
            family.SaysWhetherDistilled ? (DistilledKey, model.IsDistilled) : null
        );
    }

    /// <summary>
    /// Says that a folder with the other parts has another name now: what can't be linked with its source is linked with what was
    /// stored last.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="from">The former name.</param>
    /// <param name="to">The new one.</param>
    public static void OtherPartsMoved(this FlowModel model, string from, string to) => model.Source?.Moved(from, to);

    /// <summary>Looks whether the other parts can be read, before time is spent on a model that could not be stored whole.</summary>
    /// <param name="model">The model.</param>
    /// <param name="notice">As above.</param>
    /// <exception cref="CheckpointException">A file that belongs to a part can't be read.</exception>
    public static void RequireReadable(this FlowModel model, Action<string>? notice = null) =>
        model.Source?.RequireReadable(notice);

    private static IEnumerable<IndexEntry> NoEncoders(ModelFamily family, DiffusersFolder layout) =>
        Enumerable
            .Range(1, family.Encoders.Classes.Count)
            .SelectMany(number => new[] { layout.TextEncoder(number), layout.Tokenizer(number) })
            .Select(part => new IndexEntry(Path.GetFileName(part), null, null));
}
