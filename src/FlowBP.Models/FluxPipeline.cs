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

    private static readonly string[] s_textParts = ["text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2"];

    /// <summary>The velocity network.</summary>
    public required FluxTransformer2DModel Transformer { get; init; }

    /// <summary>The autoencoder.</summary>
    public required AutoencoderKL Vae { get; init; }

    /// <summary>Settings of the noise schedule.</summary>
    public required FlowMatchEulerConfig Scheduler { get; init; }

    /// <summary>The folder with the text encoders, copied when the model is saved; null: there is none.</summary>
    public string? Source { get; init; }

    private JsonObject Index { get; init; } =
        new()
        {
            ["_class_name"] = ClassName,
            ["scheduler"] = new JsonArray("diffusers", FlowMatchEulerConfig.ClassName),
            ["text_encoder"] = new JsonArray("transformers", "CLIPTextModel"),
            ["text_encoder_2"] = new JsonArray("transformers", "T5EncoderModel"),
            ["tokenizer"] = new JsonArray("transformers", "CLIPTokenizer"),
            ["tokenizer_2"] = new JsonArray("transformers", "T5TokenizerFast"),
            ["transformer"] = new JsonArray("diffusers", nameof(FluxTransformer2DModel)),
            ["vae"] = new JsonArray("diffusers", nameof(AutoencoderKL)),
        };

    /// <summary>Reads a model folder.</summary>
    /// <param name="folder">A folder in diffusers' layout.</param>
    /// <param name="weights">A file of the transformer's weights instead of the folder's; null: the folder's.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the others.</exception>
    public static FluxPipeline Load(string folder, string? weights = null)
    {
        JsonObject index = UntouchedParts.ReadIndex(folder, ClassName);
        var layout = new DiffusersFolder(folder);
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
            Source = folder,
            Index = index,
        };
    }

    /// <summary>Writes the whole model in diffusers' layout, <c>model_index.json</c> last.</summary>
    /// <param name="folder">The folder to write.</param>
    /// <param name="dtype">Storage type of the weights; each tensor's own if null.</param>
    /// <exception cref="CheckpointException">A file cannot be written.</exception>
    public void Save(string folder, ScalarType? dtype = null)
    {
        var layout = new DiffusersFolder(folder);
        DiffusersFolder.WriteNetwork(layout.Transformer, Transformer.Config.ToJson(), Transformer, dtype);
        DiffusersFolder.WriteNetwork(layout.Vae, Vae.Config.ToJson(), Vae, dtype);
        AtomicFile.WriteText(layout.SchedulerConfig, Scheduler.ToJson());
        new UntouchedParts(Source, Index).WriteTo(folder, s_textParts);
    }

    /// <summary>Disposes the networks.</summary>
    public void Dispose()
    {
        Transformer.Dispose();
        Vae.Dispose();
    }
}
