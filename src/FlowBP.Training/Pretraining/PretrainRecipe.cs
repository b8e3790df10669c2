// Everything that decides what the embedded model is: sizes, steps, rates, seeds. The weights under assets/shapes are a
// function of this file and of the code that it drives.

using FlowBP.Families.SD3;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Clip;
using FlowBP.Models.Rewards;
using FlowBP.Shapes;

namespace FlowBP.Training.Pretraining;

/// <summary>
/// One cycle of a stage: how long and how fast a network is trained. The next cycle goes on from the weights that this one
/// leaves, on new data, with a warm-up and a cosine of its own (restarts, Loshchilov and Hutter 2017).
/// </summary>
/// <param name="Steps">Updates.</param>
/// <param name="Batch">Samples per update.</param>
/// <param name="LearningRate">Peak of a cosine schedule.</param>
public sealed record StageRecipe(int Steps, int Batch, double LearningRate)
{
    /// <summary>Steps of linear warm-up.</summary>
    public int WarmupSteps { get; init; } = 100;

    /// <summary>Decay of the moving average whose weights are kept; null keeps the last weights.</summary>
    public double? EmaDecay { get; init; }

    /// <summary>Steps of the whole cosine where the cycle ends before it does; null: the cycle's own.</summary>
    public int? CosineSteps { get; init; }

    /// <summary>Decoupled weight decay.</summary>
    public double WeightDecay { get; init; } = 1e-2;
}

/// <summary>The recipe of the embedded text-to-image stack and its two rewards.</summary>
public sealed record PretrainRecipe
{
    /// <summary>Tokens of a prompt, start and end included: the longest prompt has 11 words.</summary>
    public const int PromptTokens = 16;

    /// <summary>Seed of all weights and data.</summary>
    public ulong Seed { get; init; } = 42;

    /// <summary>Captioned pictures that the flow model sees, encoded once.</summary>
    public int FlowPictures { get; init; } = 65536;

    /// <summary>Share of captions that are replaced by the empty prompt, which guidance needs.</summary>
    public double CaptionDropout { get; init; } = 0.1;

    /// <summary>The autoencoder's stage, cycle by cycle.</summary>
    public IReadOnlyList<StageRecipe> Autoencoder { get; init; } = [new(1600, 32, 2e-3) { EmaDecay = 0.995 }];

    /// <summary>The autoencoder's second stage, in which only the decoder learns.</summary>
    public IReadOnlyList<StageRecipe> Decoder { get; init; } = [new(1200, 32, 1e-3) { EmaDecay = 0.995 }];

    /// <summary>The flow model's stage, in which the text encoder learns along.</summary>
    public IReadOnlyList<StageRecipe> Flow { get; init; } =
    [
        new(5000, 64, 1.2e-3) { WarmupSteps = 200, EmaDecay = 0.999 },
        new(1300, 64, 8e-4) { WarmupSteps = 200, EmaDecay = 0.999 },
        new(6000, 64, 2e-3)
        {
            WarmupSteps = 200,
            CosineSteps = 12000,
            EmaDecay = 0.999,
        },
        new(14000, 64, 2e-3) { WarmupSteps = 200, EmaDecay = 0.999 },
        new(1800, 64, 1e-3) { EmaDecay = 0.998 },
    ];

    /// <summary>
    /// Mean of the logit-normal half of the flow model's times. Which object stands where is decided while the picture is
    /// still mostly noise: above 0, more of the training goes there.
    /// </summary>
    public double TimestepLogitMean { get; init; } = 0.8;

    /// <summary>
    /// What each of the two rewards learns preferences from: pictures and prompts of its own. 1600 prompts make the training reward a
    /// better judge and a worse guide (docs/results/judges.md).
    /// </summary>
    public PaintingRecipe Painting { get; init; } = new(640);

    /// <summary>Held-out prompts that rewards are measured by, painted as <see cref="Painting"/> says.</summary>
    public int FreshPrompts { get; init; } = 192;

    /// <summary>The training reward's stage on judged pictures; the batch counts pairs.</summary>
    public IReadOnlyList<StageRecipe> JudgedReward { get; init; } = [new(1000, 24, 5e-4) { EmaDecay = 0.99 }];

    /// <summary>The held-out reward's stage on judged pictures; the batch counts pairs.</summary>
    public IReadOnlyList<StageRecipe> JudgedHeldOutReward { get; init; } = [new(800, 16, 5e-4) { EmaDecay = 0.99 }];

    /// <summary>The training reward's stage on renders.</summary>
    public IReadOnlyList<StageRecipe> Reward { get; init; } =
    [
        new(1500, 64, 1e-3) { EmaDecay = 0.99 },
        new(1500, 64, 1e-3) { EmaDecay = 0.99 },
        new(3000, 64, 1e-3) { EmaDecay = 0.99 },
    ];

    /// <summary>The held-out reward's stage on renders.</summary>
    public IReadOnlyList<StageRecipe> HeldOutReward { get; init; } =
    [
        new(1200, 32, 1e-3) { EmaDecay = 0.99 },
        new(1600, 32, 1e-3) { EmaDecay = 0.99 },
        new(2400, 32, 1e-3) { EmaDecay = 0.99 },
    ];

    /// <summary>32×32 pixels to 8×8×4 latents.</summary>
    public AutoencoderKLConfig AutoencoderConfig { get; init; } =
        new()
        {
            BlockOutChannels = [24, 48, 64],
            LayersPerBlock = 1,
            LatentChannels = 4,
            NormNumGroups = 8,
            SampleSize = Scene.Size,
            MidBlockAddAttention = false,
            UseQuantConv = false,
            UsePostQuantConv = false,
            ScalingFactor = 1,
            ShiftFactor = 0,
        };

    /// <summary>The SD3 transformer, four joint blocks.</summary>
    public SD3TransformerConfig TransformerConfig { get; init; } =
        new()
        {
            SampleSize = 8,
            PatchSize = 1,
            InChannels = 4,
            OutChannels = 4,
            NumLayers = 4,
            AttentionHeadDim = 32,
            NumAttentionHeads = 4,
            JointAttentionDim = 96,
            PooledProjectionDim = 96,
            PosEmbedMaxSize = 8,
            QkNorm = true,
        };

    /// <summary>The text encoder; the transformer reads the output of its last layer but one.</summary>
    /// <param name="vocabulary">Number of token ids.</param>
    /// <param name="start">Start-of-text id.</param>
    /// <param name="end">End-of-text id, which also pads.</param>
    public static ClipTextConfig TextConfig(int vocabulary, int start, int end) =>
        new()
        {
            VocabSize = vocabulary,
            HiddenSize = 96,
            IntermediateSize = 384,
            ProjectionDim = 96,
            NumHiddenLayers = 3,
            NumAttentionHeads = 4,
            MaxPositionEmbeddings = PromptTokens,
            HiddenAct = "quick_gelu",
            BosTokenId = start,
            EosTokenId = end,
            PadTokenId = end,
        };

    /// <summary>The training reward: two towers, as HPSv2.</summary>
    /// <param name="vocabulary">Number of token ids.</param>
    public static OpenClipConfig RewardConfig(int vocabulary) =>
        new()
        {
            EmbedDim = 64,
            Text = new(96, 4, 3, 4.0),
            Vision = new(96, 4, 3, 4.0),
            ContextLength = PromptTokens,
            VocabSize = vocabulary,
            ImageSize = Scene.Size,
            PatchSize = 4,
            QuickGelu = true,
        };

    /// <summary>
    /// The held-out reward: convolutions and cross-attention, trained to tell matching from not matching. Nothing of it
    /// is shared with the training reward, so a trick that fools one need not fool the other.
    /// </summary>
    /// <param name="vocabulary">Number of token ids.</param>
    public static ImageTextMatchingConfig HeldOutRewardConfig(int vocabulary) =>
        new()
        {
            VocabSize = vocabulary,
            ContextLength = PromptTokens,
            ImageSize = Scene.Size,
            Channels = [16, 48, 96],
            NormNumGroups = 8,
            Width = 96,
            Layers = 2,
            Heads = 4,
        };
}
