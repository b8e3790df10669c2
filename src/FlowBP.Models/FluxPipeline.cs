// A FLUX.1 model, text encoders apart: what is trained, what decodes, and the schedule. Prompts reach it as embeddings.

using System.Text.Json.Nodes;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Formats;
using FlowBP.Models.Schedulers;
using FlowBP.Models.Transformers;

namespace FlowBP.Models;

/// <summary>Velocity network, autoencoder and schedule of a FLUX.1 model.</summary>
public sealed class FluxPipeline : IDisposable
{
    /// <summary>Name of the pipeline's class in the ecosystem.</summary>
    public const string ClassName = "FluxPipeline";

    // The folder that the parts come from, and stay as they are in; null: they were made here.
    private UntrainedParts? source;

    /// <summary>The velocity network.</summary>
    public required FluxTransformer2DModel Transformer { get; init; }

    /// <summary>The autoencoder.</summary>
    public required AutoencoderKL Vae { get; init; }

    /// <summary>Settings of the noise schedule.</summary>
    public required FlowMatchEulerConfig Scheduler { get; init; }

    // The table of contents of a model that was made here: it has no text encoders.
    private static JsonObject Index() =>
        new()
        {
            ["_class_name"] = ClassName,
            ["scheduler"] = new JsonArray("diffusers", FlowMatchEulerConfig.ClassName),
            ["text_encoder"] = new JsonArray(null, null),
            ["text_encoder_2"] = new JsonArray(null, null),
            ["tokenizer"] = new JsonArray(null, null),
            ["tokenizer_2"] = new JsonArray(null, null),
            ["transformer"] = new JsonArray("diffusers", nameof(FluxTransformer2DModel)),
            ["vae"] = new JsonArray("diffusers", nameof(AutoencoderKL)),
        };

    /// <summary>Reads a model folder.</summary>
    /// <param name="folder">A folder in diffusers' layout.</param>
    /// <param name="weights">A file of the transformer's weights instead of the folder's; null: the folder's.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the others.</exception>
    public static FluxPipeline Load(string folder, string? weights = null)
    {
        var layout = new DiffusersFolder(folder);
        layout.RequirePipelineClass(ClassName);
        layout.RequireClass(layout.Transformer, nameof(FluxTransformer2DModel));
        layout.RequireClass(layout.Vae, nameof(AutoencoderKL));
        layout.RequireClass(layout.Scheduler, FlowMatchEulerConfig.ClassName);
        FlowMatchEulerConfig scheduler = FlowMatchEulerConfig.Read(layout.SchedulerConfig);
        AutoencoderKL vae = AutoencoderKL.FromFolder(layout.Vae);
        FluxTransformer2DModel transformer = FluxTransformer2DModel.FromFolder(layout.Transformer, weights);
        PatchedLatents.Require(layout, transformer.Config.InChannels, vae.Config.LatentChannels);
        return new FluxPipeline
        {
            Transformer = transformer,
            Vae = vae,
            Scheduler = scheduler,
            source = new UntrainedParts(folder),
        };
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
        DiffusersFolder.WriteNetwork(
            new DiffusersFolder(folder).Transformer,
            Transformer.Config.ToJson(),
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
        DiffusersFolder.WriteNetwork(layout.Vae, Vae.Config.ToJson(), Vae, dtype);
        AtomicFile.WriteText(layout.SchedulerConfig, Scheduler.ToJson());
        AtomicFile.WriteText(Path.Combine(folder, "model_index.json"), Index().ToConfigText());
    }

    /// <summary>As <see cref="UntrainedParts.RequireReadable"/>; a model that was made here has nothing to read.</summary>
    /// <param name="notice">As there.</param>
    /// <exception cref="CheckpointException">A file that belongs to a part can't be read.</exception>
    public void RequireReadable(Action<string>? notice = null) => source?.RequireReadable(notice);

    /// <summary>Disposes the networks.</summary>
    public void Dispose()
    {
        Transformer.Dispose();
        Vae.Dispose();
    }
}
