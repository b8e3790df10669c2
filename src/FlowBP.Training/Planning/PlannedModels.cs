// Where the networks of a prediction come from: the configurations of a model folder (never its weights), or the released
// full-size models by name, whose sizes are data here.

using FlowBP.Formats;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Clip;
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

    /// <summary>Tokens that CLIP takes.</summary>
    internal const int ClipTokens = 77;

    /// <summary>Tokens of T5 in Stable Diffusion 3.</summary>
    internal const int T5TokensOfSD3 = 256;

    /// <summary>Tokens of a prompt in FLUX.</summary>
    internal const int LongTokens = 512;

    private const int UsualResolution = 512;

    // Elements of the released encoders' weights, and of those that every token is multiplied with. Of Qwen3 there are as many
    // layers as the transformer reads states of.
    private static readonly PlannedEncoder ClipL = new("CLIP-L", 123_650_304, ClipTokens, 85_524_480);
    private static readonly PlannedEncoder ClipBigG = new("CLIP-bigG", 694_659_840, ClipTokens, 630_784_000);
    private static readonly PlannedEncoder T5Xxl = new("T5-XXL", 4_762_310_656, LongTokens, 4_630_511_616);
    private static readonly PlannedEncoder Qwen3 = new("Qwen3-8B", 5_831_883_520, LongTokens, 5_209_553_664);

    // With how the names of their repositories and folders end, letters and digits only.
    private static readonly (string Name, string[] Endings, Func<PlannedModel> Make)[] Released =
    [
        ("sd35", ["stablediffusion35medium", "sd35medium", "sd35m"], () => Of(N.SD35, N.SD35Autoencoder)),
        ("flux1", ["flux1dev", "flux1", "flux"], () => Of(N.Flux1, N.Flux1Autoencoder)),
        ("flux2", ["flux2klein9b", "flux2kleinbase9b"], () => Of(N.Flux2, N.Flux2Autoencoder)),
    ];

    /// <summary>Names of the models whose sizes are known without a folder.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Released.Select(released => released.Name)];

    /// <summary>Finds the networks.</summary>
    /// <param name="model">
    /// A name of <see cref="Names"/>, <c>embedded</c>, a folder in diffusers' layout, or the name of a released repository.
    /// </param>
    /// <param name="reward"><see cref="OwnReward"/>, <see cref="PlannedRewards.HpsV2"/>, <c>embedded</c>, or a reward's folder.</param>
    /// <param name="heldOutReward">The same for a reward that only evaluates; null: none.</param>
    /// <exception cref="CheckpointException">A configuration is missing, damaged, or of a network that is not known.</exception>
    public static PlannedModel Find(string model, string reward = OwnReward, string? heldOutReward = null)
    {
        var isEmbedded = model == AlignmentSettings.Embedded;
        var found =
            ReleasedOf(model)?.Invoke()
            ?? PlannedFolder.Read(EmbeddedAssets.Resolve(model, () => EmbeddedAssets.Model));
        var shape = PlannedRewards.Of(
            reward == OwnReward ? (isEmbedded ? AlignmentSettings.Embedded : PlannedRewards.HpsV2) : reward
        );
        return found with
        {
            Reward = new TracedClipReward(shape),
            RewardParameters =
                shape.Parameters + (heldOutReward is null ? 0 : PlannedRewards.Parameters(heldOutReward)),
        };
    }

    // A folder that is there is read; the name of a repository stands for what was released under it.
    private static Func<PlannedModel>? ReleasedOf(string model)
    {
        if (Released.FirstOrDefault(candidate => candidate.Name == model).Make is { } named)
        {
            return named;
        }
        var letters = string.Concat(model.Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant();
        return Directory.Exists(model)
            ? null
            : Released.FirstOrDefault(candidate => candidate.Endings.Any(letters.EndsWith)).Make;
    }

    /// <summary>A Stable Diffusion 3.5 model of any size, text encoders as released, without a reward.</summary>
    /// <param name="transformer">The transformer.</param>
    /// <param name="autoencoder">The autoencoder.</param>
    public static PlannedModel Of(SD3TransformerConfig transformer, AutoencoderKLConfig autoencoder) =>
        new()
        {
            Name = "Stable Diffusion 3.5 medium",
            Transformer = new TracedSD3Transformer(transformer),
            BufferElements = (long)transformer.PosEmbedMaxSize * transformer.PosEmbedMaxSize * transformer.InnerDim,
            Decoder = new TracedDecoder(autoencoder),
            AutoencoderParameters = MetaNetwork.Parameters(() => new AutoencoderKL(autoencoder)),
            TextTokens = ClipTokens + T5TokensOfSD3,
            TextEncoders = [ClipL, ClipBigG, T5Xxl with { Tokens = T5TokensOfSD3 }],
            TakesGuidance = true,
            Resolution = UsualResolution,
            RewardParameters = 0,
        };

    /// <summary>A FLUX.1 model of any size, text encoders as released, without a reward.</summary>
    /// <param name="transformer">The transformer.</param>
    /// <param name="autoencoder">The autoencoder.</param>
    public static PlannedModel Of(FluxTransformerConfig transformer, AutoencoderKLConfig autoencoder) =>
        new()
        {
            Name = "FLUX.1-dev",
            Transformer = new TracedFluxTransformer(transformer),
            Decoder = new TracedDecoder(autoencoder),
            AutoencoderParameters = MetaNetwork.Parameters(() => new AutoencoderKL(autoencoder)),
            TextTokens = LongTokens,
            TextEncoders = [ClipL with { Parameters = 123_060_480 }, T5Xxl],
            TakesGuidance = false,
            Resolution = UsualResolution,
            RewardParameters = 0,
        };

    /// <summary>A FLUX.2 model of any size, text encoder as released, without a reward.</summary>
    /// <param name="transformer">The transformer.</param>
    /// <param name="autoencoder">The autoencoder.</param>
    public static PlannedModel Of(Flux2TransformerConfig transformer, AutoencoderKLFlux2Config autoencoder) =>
        new()
        {
            Name = "FLUX.2-Klein-base 9B",
            Transformer = new TracedFlux2Transformer(transformer),
            Decoder = new TracedDecoder(autoencoder.Towers),
            AutoencoderParameters = MetaNetwork.Parameters(() => new AutoencoderKLFlux2(autoencoder)),
            TextTokens = LongTokens,
            TextEncoders = [Qwen3],
            TakesGuidance = true,
            Resolution = UsualResolution,
            RewardParameters = 0,
        };

    /// <summary>The model with a reward that is trained on.</summary>
    /// <param name="model">The model.</param>
    /// <param name="reward">The reward, in HPSv2's form.</param>
    public static PlannedModel With(this PlannedModel model, OpenClipConfig reward)
    {
        var shape = PlannedRewards.Of("HPSv2", reward);
        return model with { Reward = new TracedClipReward(shape), RewardParameters = shape.Parameters };
    }
}
