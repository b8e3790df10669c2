// A FLUX.2 Klein model, its text encoder apart: what is trained, what decodes, and the schedule. Prompts reach it as
// embeddings.

using System.Text.Json.Nodes;
using FlowBP.Formats;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Layers;
using FlowBP.Models.Schedulers;

namespace FlowBP.Families.Flux2;

/// <summary>Velocity network, autoencoder and schedule of a FLUX.2 Klein model.</summary>
public sealed class Flux2KleinPipeline : DiffusersPipeline, IDisposable
{
    /// <summary>Name of the pipeline's class in the ecosystem.</summary>
    public const string ClassName = "Flux2KleinPipeline";

    private const string DistilledKey = "is_distilled";

    /// <summary>The velocity network.</summary>
    public required Flux2Transformer2DModel Transformer { get; init; }

    /// <summary>The autoencoder.</summary>
    public required AutoencoderKLFlux2 Vae { get; init; }

    /// <summary>Settings of the noise schedule.</summary>
    public required FlowMatchEulerConfig Scheduler { get; init; }

    /// <summary>Whether the model was distilled to few steps without guidance; base models are not.</summary>
    public bool IsDistilled { get; init; }

    // The table of contents of a model that was made here: it has no text encoders.
    private static JsonObject Index() =>
        new()
        {
            ["_class_name"] = ClassName,
            ["scheduler"] = new JsonArray("diffusers", FlowMatchEulerConfig.ClassName),
            ["text_encoder"] = new JsonArray(null, null),
            ["tokenizer"] = new JsonArray(null, null),
            ["transformer"] = new JsonArray("diffusers", nameof(Flux2Transformer2DModel)),
            ["vae"] = new JsonArray("diffusers", nameof(AutoencoderKLFlux2)),
        };

    /// <summary>Reads a model folder.</summary>
    /// <param name="folder">A folder in diffusers' layout.</param>
    /// <param name="weights">A file of the transformer's weights instead of the folder's; null: the folder's.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the others.</exception>
    public static Flux2KleinPipeline Load(string folder, string? weights = null)
    {
        var layout = new DiffusersFolder(folder);
        layout.RequirePipeline(
            ClassName,
            nameof(Flux2Transformer2DModel),
            nameof(AutoencoderKLFlux2),
            FlowMatchEulerConfig.ClassName,
            textEncoders: 1
        );
        var scheduler = FlowMatchEulerConfig.Read(layout.SchedulerConfig);
        using var made = new Unfinished();
        var vae = made.Add(AutoencoderKLFlux2.FromFolder(layout.Vae));
        var transformer = made.Add(Flux2Transformer2DModel.FromFolder(layout.Transformer, weights));
        PatchedLatents.Require(layout, transformer.Config.InChannels, vae.Config.Towers.LatentChannels);
        var model = new Flux2KleinPipeline
        {
            Transformer = transformer,
            Vae = vae,
            Scheduler = scheduler,
            Source = new UntrainedParts(folder),
            IsDistilled = ConfigReader.Open(Path.Combine(folder, "model_index.json")).Bool(DistilledKey, false),
        };
        made.Finish();
        return model;
    }

    private protected override nn.Module Network => Transformer;

    private protected override string NetworkConfig => Transformer.Config.ToJson();

    private protected override void WriteOtherParts(DiffusersFolder layout, ScalarType? dtype)
    {
        DiffusersFolder.WriteNetwork(layout.Vae, Vae.Config.ToJson(), Vae, dtype);
        AtomicFile.WriteText(layout.SchedulerConfig, Scheduler.ToJson());
        var index = Index();
        index[DistilledKey] = IsDistilled;
        AtomicFile.WriteText(layout.Index, index.ToConfigText());
    }

    /// <summary>Disposes the networks.</summary>
    public void Dispose()
    {
        Transformer.Dispose();
        Vae.Dispose();
    }
}
