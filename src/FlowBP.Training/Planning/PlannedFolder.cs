// The networks of a model folder, from its configurations: no weight is read, and those that are known by their size only are
// built without memory.

using FlowBP.Formats;
using FlowBP.Models;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Inspection;
using FlowBP.Models.Prompts;
using FlowBP.Models.TextEncoders;
using FlowBP.Models.Transformers;
using FlowBP.Training.Planning.Networks;
using static FlowBP.Training.Planning.PlannedModels;

namespace FlowBP.Training.Planning;

/// <summary>Reads model folders.</summary>
internal static class PlannedFolder
{
    /// <summary>The networks of a folder in diffusers' layout, rewards apart.</summary>
    /// <exception cref="CheckpointException">A configuration is missing, damaged, or of a network that is not known.</exception>
    public static PlannedModel Read(string folder)
    {
        var layout = new DiffusersFolder(folder);
        var pipeline = layout.PipelineClass();
        var file = Path.Combine(layout.Transformer, "config.json");
        var json = ConfigReader.Open(file);
        var name = json.OptionalText("_class_name") ?? "";
        var encoders = Enumerable
            .Range(1, 3)
            .Where(number => File.Exists(Path.Combine(layout.TextEncoder(number), "config.json")))
            .Select(number => Encoder(layout.TextEncoder(number)))
            .ToArray();
        var vae = Path.Combine(layout.Vae, "config.json");
        var decoder = DecoderOf(vae);
        var (transformer, buffers, sampleSize) = TransformerOf(file, name);
        return new()
        {
            Name = $"{pipeline} of {folder}",
            Transformer = transformer,
            BufferElements = buffers,
            Decoder = new TracedDecoder(decoder),
            AutoencoderParameters = Parameters(vae),
            // CLIP's towers share their places, a language model's follow them.
            TextTokens =
                pipeline == SD3Pipeline.ClassName
                    ? encoders.Where(IsClip).Select(encoder => encoder.Tokens).DefaultIfEmpty(ClipTokens).Max()
                        + encoders.Where(encoder => !IsClip(encoder)).Sum(_ => (long)T5TokensOfSD3)
                    : LongTokens,
            TextEncoders = encoders,
            TakesGuidance = pipeline != FluxPipeline.ClassName,
            Resolution = sampleSize is { } size ? Math.Min(512, size * decoder.SpatialCompression) : 512,
            RewardParameters = 0,
        };
    }

    private static (ITracedTransformer Transformer, long Buffers, int? SampleSize) TransformerOf(
        string file,
        string name
    )
    {
        var json = ConfigReader.Open(file);
        switch (name)
        {
            case nameof(SD3Transformer2DModel):
                var sd3 = SD3TransformerConfig.Read(json);
                var table = (long)sd3.PosEmbedMaxSize * sd3.PosEmbedMaxSize * sd3.InnerDim;
                return (new TracedSD3Transformer(sd3), table, sd3.SampleSize);
            case nameof(FluxTransformer2DModel):
                return (new TracedFluxTransformer(FluxTransformerConfig.Read(json)), 0, null);
            case nameof(Flux2Transformer2DModel):
                return (new TracedFlux2Transformer(Flux2TransformerConfig.Read(json)), 0, null);
            default:
                throw CheckpointException.ForFile(
                    file,
                    $"found architecture '{name}', expected SD3Transformer2DModel, FluxTransformer2DModel or"
                        + " Flux2Transformer2DModel"
                );
        }
    }

    // FLUX.2's class differs in how latents are normalised and packed, not in its convolutions.
    private static AutoencoderKLConfig DecoderOf(string file)
    {
        if (ConfigReader.Open(file).OptionalText("_class_name") is not nameof(AutoencoderKLFlux2))
        {
            return AutoencoderKLConfig.Read(file);
        }
        var config = AutoencoderKLFlux2Config.Read(file);
        return config.Towers with
        {
            BlockOutChannels = config.DecoderBlockOutChannels ?? config.Towers.BlockOutChannels,
        };
    }

    private static bool IsClip(PlannedEncoder encoder) => encoder.Name.Contains("CLIP", StringComparison.Ordinal);

    private static PlannedEncoder Encoder(string folder)
    {
        var config = NetworkConfig.Read(folder)[0];
        using var network = IsQwen3(config) ? StatesOfQwen3(folder) : config.Build();
        var layout = NetworkLayout.Of(network);
        var tables = layout
            .Tensors.Where(tensor => !config.Architecture.Tied.ContainsKey(tensor.Key))
            .Where(tensor => tensor.Key == "shared.weight" || tensor.Key.Contains("embed", StringComparison.Ordinal))
            .Sum(tensor => tensor.Value.Elements);
        var tokens = config.Settings["max_position_embeddings"]?.GetValue<int>() ?? LongTokens;
        var all = layout.Parameters ?? 0;
        return new(config.Architecture.Name, all, Math.Min(tokens, LongTokens), Math.Max(0, all - tables));
    }

    private static bool IsQwen3(NetworkConfig config) => config.Architecture.IsClass("Qwen3ForCausalLM");

    private static Qwen3TextEncoder StatesOfQwen3(string folder)
    {
        var config = Qwen3Config.Read(Path.Combine(folder, "config.json"));
        return MetaNetwork.Build(() =>
            new Qwen3TextEncoder(config, Math.Min(Flux2PromptEncoder.DefaultLayers.Max(), config.NumHiddenLayers))
        );
    }

    private static long Parameters(string configFile)
    {
        using var network = NetworkConfig.Read(configFile)[0].Build();
        return NetworkLayout.Of(network).Parameters ?? 0;
    }
}
