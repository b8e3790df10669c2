// A FLUX.1 model, text encoders apart: what is trained, what decodes, and the schedule. Prompts reach it as embeddings.

using System.Text.Json.Nodes;
using FlowBP.Formats;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Layers;
using FlowBP.Models.Schedulers;

namespace FlowBP.Families.Flux1;

/// <summary>Velocity network, autoencoder and schedule of a FLUX.1 model.</summary>
public sealed class FluxPipeline : DiffusersPipeline, IDisposable
{
    /// <summary>Name of the pipeline's class in the ecosystem.</summary>
    public const string ClassName = "FluxPipeline";

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
        layout.RequirePipeline(
            ClassName,
            nameof(FluxTransformer2DModel),
            nameof(AutoencoderKL),
            FlowMatchEulerConfig.ClassName,
            textEncoders: 2
        );
        var scheduler = FlowMatchEulerConfig.Read(layout.SchedulerConfig);
        using var made = new Unfinished();
        var vae = made.Add(AutoencoderKL.FromFolder(layout.Vae));
        var transformer = made.Add(FluxTransformer2DModel.FromFolder(layout.Transformer, weights));
        PatchedLatents.Require(layout, transformer.Config.InChannels, vae.Config.LatentChannels);
        var model = new FluxPipeline
        {
            Transformer = transformer,
            Vae = vae,
            Scheduler = scheduler,
            Source = new UntrainedParts(folder),
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
        AtomicFile.WriteText(layout.Index, Index().ToConfigText());
    }

    /// <summary>Disposes the networks.</summary>
    public void Dispose()
    {
        Transformer.Dispose();
        Vae.Dispose();
    }
}
