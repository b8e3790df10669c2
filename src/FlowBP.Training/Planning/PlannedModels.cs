// Where the networks of a prediction come from: the configurations of a model folder (never its weights), or the released
// full-size models by name, whose sizes are data here.

using FlowBP.Models.Autoencoders;
using FlowBP.Models.Clip;
using FlowBP.Models.Formats;
using FlowBP.Models.Inspection;
using FlowBP.Models.Transformers;
using FlowBP.Training.Alignment;
using FlowBP.Training.Planning.Networks;
using N = FlowBP.Training.Planning.ReleasedNetworks;

namespace FlowBP.Training.Planning;

/// <summary>Finds the networks of a run.</summary>
public static class PlannedModels
{
    /// <summary>The word for "the reward that goes with the model".</summary>
    public const string OwnReward = "auto";

    /// <summary>HPSv2.1: the two towers of ViT-H/14.</summary>
    public const string HpsV2 = "hpsv2";

    private const int ClipTokens = 77;
    private const int T5TokensOfSD3 = 256;
    private const int LongTokens = 512;
    private const int UsualResolution = 512;

    // Elements of the released encoders' weights, and of those that every token is multiplied with.
    private static readonly PlannedEncoder ClipL = new("CLIP-L", 123_650_304, ClipTokens, 85_524_480);
    private static readonly PlannedEncoder ClipBigG = new("CLIP-bigG", 694_659_840, ClipTokens, 630_784_000);
    private static readonly PlannedEncoder T5Xxl = new("T5-XXL", 4_762_310_656, LongTokens, 4_630_511_616);
    private static readonly PlannedEncoder Qwen3 = new("Qwen3-8B", 7_568_405_504, LongTokens, 6_946_071_552);

    private static readonly (string Name, Func<PlannedModel> Make)[] Released =
    [
        ("sd35", () => Of(N.SD35, N.SD35Autoencoder, N.HpsV2)),
        ("flux1", () => Of(N.Flux1, N.Flux1Autoencoder, N.HpsV2)),
        ("flux2", () => Of(N.Flux2, N.Flux2Autoencoder, N.HpsV2)),
    ];

    /// <summary>Names of the models whose sizes are known without a folder.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Released.Select(released => released.Name)];

    /// <summary>Finds the networks.</summary>
    /// <param name="model">A name of <see cref="Names"/>, <c>embedded</c>, or a folder in diffusers' layout.</param>
    /// <param name="reward"><see cref="OwnReward"/>, <see cref="HpsV2"/>, <c>embedded</c>, or a reward's folder.</param>
    /// <param name="heldOutReward">The same for a reward that only evaluates; null: none.</param>
    /// <exception cref="CheckpointException">A configuration is missing, damaged, or of a network that is not known.</exception>
    public static PlannedModel Find(string model, string reward = OwnReward, string? heldOutReward = null)
    {
        var released = Released.FirstOrDefault(candidate => candidate.Name == model).Make;
        var isEmbedded = model == AlignmentSettings.Embedded;
        var found = released?.Invoke() ?? OfFolder(EmbeddedAssets.Resolve(model, () => EmbeddedAssets.Model));
        var shape = RewardOf(reward == OwnReward ? (isEmbedded ? AlignmentSettings.Embedded : HpsV2) : reward);
        return found with
        {
            Reward = new TracedClipReward(shape),
            RewardParameters = shape.Parameters + (heldOutReward is null ? 0 : HeldOut(heldOutReward)),
        };
    }

    /// <summary>The networks of a Stable Diffusion 3.5 model of any size, text encoders as released.</summary>
    /// <param name="transformer">The transformer.</param>
    /// <param name="autoencoder">The autoencoder.</param>
    /// <param name="reward">The reward.</param>
    public static PlannedModel Of(
        SD3TransformerConfig transformer,
        AutoencoderKLConfig autoencoder,
        OpenClipConfig reward
    ) =>
        Rewarded(
            new()
            {
                Name = "Stable Diffusion 3.5 medium",
                Transformer = new TracedSD3Transformer(transformer),
                BufferElements = (long)transformer.PosEmbedMaxSize * transformer.PosEmbedMaxSize * transformer.InnerDim,
                Decoder = new TracedDecoder(autoencoder),
                AutoencoderParameters = MetaParameters(() => new AutoencoderKL(autoencoder)),
                TextTokens = ClipTokens + T5TokensOfSD3,
                TextEncoders = [ClipL, ClipBigG, T5Xxl with { Tokens = T5TokensOfSD3 }],
                TakesGuidance = true,
                Resolution = UsualResolution,
                RewardParameters = 0,
            },
            reward
        );

    /// <summary>The networks of a FLUX.1 model of any size, text encoders as released.</summary>
    /// <param name="transformer">The transformer.</param>
    /// <param name="autoencoder">The autoencoder.</param>
    /// <param name="reward">The reward.</param>
    public static PlannedModel Of(
        FluxTransformerConfig transformer,
        AutoencoderKLConfig autoencoder,
        OpenClipConfig reward
    ) =>
        Rewarded(
            new()
            {
                Name = "FLUX.1-dev",
                Transformer = new TracedFluxTransformer(FluxShape.Of(transformer)),
                Decoder = new TracedDecoder(autoencoder),
                AutoencoderParameters = MetaParameters(() => new AutoencoderKL(autoencoder)),
                TextTokens = LongTokens,
                TextEncoders = [ClipL with { Parameters = 123_060_480 }, T5Xxl],
                TakesGuidance = false,
                Resolution = UsualResolution,
                RewardParameters = 0,
            },
            reward
        );

    /// <summary>The networks of a FLUX.2 model of any size, text encoder as released.</summary>
    /// <param name="transformer">The transformer.</param>
    /// <param name="autoencoder">The autoencoder.</param>
    /// <param name="reward">The reward.</param>
    public static PlannedModel Of(
        Flux2TransformerConfig transformer,
        AutoencoderKLFlux2Config autoencoder,
        OpenClipConfig reward
    ) =>
        Rewarded(
            new()
            {
                Name = "FLUX.2-Klein-base 9B",
                Transformer = new TracedFlux2Transformer(Flux2Shape.Of(transformer)),
                Decoder = new TracedDecoder(autoencoder.Towers),
                AutoencoderParameters = MetaParameters(() => new AutoencoderKLFlux2(autoencoder)),
                TextTokens = LongTokens,
                TextEncoders = [Qwen3],
                TakesGuidance = true,
                Resolution = UsualResolution,
                RewardParameters = 0,
            },
            reward
        );

    private static PlannedModel Rewarded(PlannedModel model, OpenClipConfig reward)
    {
        var shape = Shape("HPSv2", reward, MetaParameters(() => new OpenClipModel(reward)));
        return model with { Reward = new TracedClipReward(shape), RewardParameters = shape.Parameters };
    }

    private static PlannedModel OfFolder(string folder)
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
                pipeline == "StableDiffusion3Pipeline"
                    ? encoders.Where(IsClip).Select(encoder => encoder.Tokens).DefaultIfEmpty(ClipTokens).Max()
                        + encoders.Where(encoder => !IsClip(encoder)).Sum(_ => (long)T5TokensOfSD3)
                    : LongTokens,
            TextEncoders = encoders,
            TakesGuidance = pipeline != "FluxPipeline",
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
            case "SD3Transformer2DModel":
                var sd3 = SD3TransformerConfig.Read(json);
                var table = (long)sd3.PosEmbedMaxSize * sd3.PosEmbedMaxSize * sd3.InnerDim;
                return (new TracedSD3Transformer(sd3), table, sd3.SampleSize);
            case "FluxTransformer2DModel":
                var flux = new FluxShape
                {
                    InChannels = json.Int("in_channels", 64),
                    NumLayers = json.Int("num_layers", 19),
                    NumSingleLayers = json.Int("num_single_layers", 38),
                    AttentionHeadDim = json.Int("attention_head_dim", 128),
                    NumAttentionHeads = json.Int("num_attention_heads", 24),
                    JointAttentionDim = json.Int("joint_attention_dim", 4096),
                    PooledProjectionDim = json.Int("pooled_projection_dim", 768),
                    GuidanceEmbeds = json.Bool("guidance_embeds", false),
                };
                return (new TracedFluxTransformer(flux), 0, null);
            case "Flux2Transformer2DModel":
                var flux2 = new Flux2Shape
                {
                    InChannels = json.Int("in_channels", 128),
                    NumLayers = json.Int("num_layers", 8),
                    NumSingleLayers = json.Int("num_single_layers", 48),
                    AttentionHeadDim = json.Int("attention_head_dim", 128),
                    NumAttentionHeads = json.Int("num_attention_heads", 48),
                    JointAttentionDim = json.Int("joint_attention_dim", 15360),
                    TimestepGuidanceChannels = json.Int("timestep_guidance_channels", 256),
                    MlpRatio = json.Double("mlp_ratio", 3),
                    GuidanceEmbeds = json.Bool("guidance_embeds", true),
                };
                return (new TracedFlux2Transformer(flux2), 0, null);
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
        var json = ConfigReader.Open(file);
        if (json.OptionalText("_class_name") is not "AutoencoderKLFlux2")
        {
            return AutoencoderKLConfig.Read(json);
        }
        return N.Flux2Autoencoder.Towers with
        {
            LatentChannels = json.Int("latent_channels", 32),
            BlockOutChannels = json.Ints("block_out_channels", N.Flux2Autoencoder.Towers.BlockOutChannels),
            LayersPerBlock = json.Int("layers_per_block", 2),
            UseQuantConv = json.Bool("use_quant_conv", true),
            UsePostQuantConv = json.Bool("use_post_quant_conv", true),
        };
    }

    private static bool IsClip(PlannedEncoder encoder) => encoder.Name.Contains("CLIP", StringComparison.Ordinal);

    private static PlannedEncoder Encoder(string folder)
    {
        var config = NetworkConfig.Read(folder)[0];
        using var network = config.Build();
        var layout = NetworkLayout.Of(network);
        var tables = layout
            .Tensors.Where(tensor =>
                tensor.Key.Contains("embed", StringComparison.Ordinal) || tensor.Key == "shared.weight"
            )
            .Sum(tensor => tensor.Value.Elements);
        var tokens = config.Settings["max_position_embeddings"]?.GetValue<int>() ?? LongTokens;
        var all = layout.Parameters ?? 0;
        return new(config.Architecture.Name, all, Math.Min(tokens, LongTokens), Math.Max(0, all - tables));
    }

    private static ClipRewardShape RewardOf(string reward)
    {
        if (reward == HpsV2)
        {
            return Shape("HPSv2", N.HpsV2, MetaParameters(() => new OpenClipModel(N.HpsV2)));
        }
        var folder = EmbeddedAssets.Resolve(reward, () => EmbeddedAssets.Reward);
        var file = Path.Combine(folder, "config.json");
        var json = ConfigReader.Open(file);
        if (json.Has("text_cfg") && json.Has("vision_cfg"))
        {
            return Shape(Path.GetFileName(folder), OpenClipConfig.Read(json), Parameters(file));
        }
        if (!json.Has("text_config") || !json.Has("vision_config"))
        {
            throw CheckpointException.ForFile(
                file,
                "found no reward of two towers, expected text_cfg and vision_cfg (HPSv2) or text_config and vision_config"
                    + " (PickScore)"
            );
        }
        var clip = ClipConfig.Read(json);
        return new()
        {
            Name = Path.GetFileName(folder),
            VisionWidth = clip.Vision.HiddenSize,
            VisionLayers = clip.Vision.NumHiddenLayers,
            VisionHeads = clip.Vision.NumAttentionHeads,
            VisionHidden = clip.Vision.IntermediateSize,
            ImageSize = clip.Vision.ImageSize,
            PatchSize = clip.Vision.PatchSize,
            EmbedDim = clip.ProjectionDim,
            QuickGelu = clip.Vision.HiddenAct == "quick_gelu",
            PackedProjection = false,
            Parameters = Parameters(file),
        };
    }

    private static long HeldOut(string reward) =>
        reward == HpsV2
            ? RewardOf(HpsV2).Parameters
            : Parameters(
                Path.Combine(EmbeddedAssets.Resolve(reward, () => EmbeddedAssets.HeldOutReward), "config.json")
            );

    private static ClipRewardShape Shape(string name, OpenClipConfig config, long parameters) =>
        new()
        {
            Name = name,
            VisionWidth = config.Vision.Width,
            VisionLayers = config.Vision.Layers,
            VisionHeads = config.Vision.Heads,
            VisionHidden = (long)(config.Vision.Width * config.Vision.MlpRatio),
            ImageSize = config.ImageSize,
            PatchSize = config.PatchSize,
            EmbedDim = config.EmbedDim,
            QuickGelu = config.QuickGelu,
            PackedProjection = true,
            Parameters = parameters,
        };

    private static long Parameters(string configFile)
    {
        using var network = NetworkConfig.Read(configFile)[0].Build();
        return NetworkLayout.Of(network).Parameters ?? 0;
    }

    private static long MetaParameters(Func<nn.Module> make)
    {
        using var network = MetaNetwork.Build(make);
        return NetworkLayout.Of(network).Parameters ?? 0;
    }
}
