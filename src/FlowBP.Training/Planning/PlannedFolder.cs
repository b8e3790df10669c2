// The networks of a model folder, from its configurations: no weight is read, and those that are known by their size only are
// built without memory.

using FlowBP.Families;
using FlowBP.Families.Flux2;
using FlowBP.Families.Inspection;
using FlowBP.Families.Tracing;
using FlowBP.Formats;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.TextEncoders;

namespace FlowBP.Training.Planning;

/// <summary>Reads model folders.</summary>
internal static class PlannedFolder
{
    private const int LongestPath = 35;

    /// <summary>The networks of a folder in diffusers' layout, rewards apart.</summary>
    /// <exception cref="CheckpointException">A configuration is missing, damaged, or of a network that is not known.</exception>
    public static PlannedModel Read(string folder)
    {
        var layout = new DiffusersFolder(folder);
        var family = ModelFamilies.Reading(layout);
        var file = Path.Combine(layout.Transformer, "config.json");
        var json = ConfigReader.Open(file);
        json.RequireClass(family.Transformer.Name);
        var encoders = Enumerable
            .Range(1, 3)
            .Where(number => File.Exists(Path.Combine(layout.TextEncoder(number), "config.json")))
            .Select(number => Encoder(layout.TextEncoder(number)))
            .ToArray();
        var vae = Path.Combine(layout.Vae, "config.json");
        var decoder = DecoderOf(vae);
        var transformer = MetaNetwork.Build(() => family.NewTransformer(json));
        return new()
        {
            Name = $"{family.PipelineClasses[0]} of {Shortened(folder)}",
            Transformer = transformer,
            AdapterTargets = family.AdapterTargets,
            Decoder = new TracedDecoder(decoder),
            AutoencoderParameters = Parameters(vae),
            TextTokens = family.TextTokensOf(encoders),
            TextEncoders = encoders,
            TakesGuidance = !family.HasEmbeddedGuidance,
            Resolution = transformer.SampleSize is { } size
                ? Math.Min(PlannedModel.UsualResolution, size * decoder.SpatialCompression)
                : PlannedModel.UsualResolution,
            RewardParameters = 0,
        };
    }

    // Fit for a line of 80 columns: as seen from the working folder where that is shorter, and of what is longer still the end.
    private static string Shortened(string folder)
    {
        var relative = Path.GetRelativePath(".", folder);
        var path = relative.Length < folder.Length ? relative : folder;
        return path.Length <= LongestPath ? path : $"…{path[^(LongestPath - 1)..]}";
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

    private const int LongTokens = 512;

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
