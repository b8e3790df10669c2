// A run, fully resolved: its settings bound onto the records that read them, its method, and where each value comes from. Names are the
// field's; the defaults suit the embedded model.

using FlowBP.Families;
using FlowBP.RandomStreams;
using FlowBP.Settings;
using FlowBP.Surrogates;
using FlowBP.Training.Optimization;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Configuration;

/// <summary>The resolved configuration of an alignment run.</summary>
public sealed record AlignmentConfig
{
    private static readonly SettingTable<AlignmentConfig> s_table = new(new(), without: "lora_scale");

    private AlignmentConfig() { }

    /// <summary>The run's own settings; a method adds its own (<see cref="MethodRegistry"/>).</summary>
    public static IReadOnlyList<Setting> Settings => s_table.Settings;

    /// <summary>Name of the method.</summary>
    [Method(Name = "method")]
    public string MethodName { get; init; } = "flowbp-lagrange";

    /// <summary>The model.</summary>
    [Settings]
    public ModelSettings Model { get; init; } = new();

    /// <summary>How it is trained.</summary>
    [Settings]
    public TrainingSettings Training { get; init; } = new();

    /// <summary>File of training prompts, or <see cref="ModelFamilies.Embedded"/>.</summary>
    [Setting(
        "file of training prompts: text, one per line, or .json, .jsonl, .csv, .tsv",
        Name = "prompts",
        Aliases = ["data_path"]
    )]
    public string PromptsGiven { get; init; } = ModelFamilies.Embedded;

    /// <summary>Folder to create.</summary>
    [Setting("folder to create")]
    public string OutputDir { get; init; } = "outputs/align";

    /// <summary>Whether an output folder may be replaced.</summary>
    [Setting("replace an existing output folder")]
    public bool Overwrite { get; init; }

    /// <summary>Updates.</summary>
    [Setting("number of updates", 1)]
    public int MaxTrainSteps { get; init; } = 105;

    /// <summary>Seed of the prompts' order; null: the run's.</summary>
    [Setting("seed of the prompts' order; none: seed", 0)]
    public long? SamplerSeed { get; init; }

    /// <summary>Seed of the step indices; null: the run's.</summary>
    [Setting("seed of the step indices; none: seed", 0)]
    public long? SelectIdxSeed { get; init; }

    /// <summary>B.</summary>
    [Setting("samples per update, or per accumulated part of one", 1)]
    public int TrainBatchSize { get; init; } = 16;

    /// <summary>Parts of an update.</summary>
    [Setting("batches whose gradients make one update", 1)]
    public int GradientAccumulationSteps { get; init; } = 1;

    /// <summary>N.</summary>
    [Setting("Euler steps in training (N)", 2)]
    public int RolloutSteps { get; init; } = 11;

    /// <summary>How many draws of step indices a batch gets.</summary>
    [Setting(
        "how many draws of step indices a batch gets; per_batch as in the reference",
        Choices = ["per_sample", DrawScope.PerSample, "per_batch", DrawScope.PerBatch]
    )]
    public DrawScope IndexDraw { get; init; } = DrawScope.PerSample;

    /// <summary>
    /// The loss of an update, over all its batches. A picture whose score is past the threshold pulls no more: what is left to gain
    /// there is a reward's weak spots. 0.65 suits the embedded reward.
    /// </summary>
    [Settings]
    public HingeLoss Hinge { get; init; } = new(Threshold: 0.65);

    /// <summary>What holds the model near what it was.</summary>
    [Settings]
    public VelocityAnchor Anchor { get; init; } = new();

    /// <summary>The loss that the model was trained with before, on data.</summary>
    [Settings]
    public FlowMatchingSettings FlowMatching { get; init; } = new();

    /// <summary>Over which copies of a picture the training reward is the mean.</summary>
    [Settings]
    public RewardSmoothing Smoothing { get; init; } = RewardSmoothing.None;

    /// <summary>Whether the gradient is divided by the guidance scale.</summary>
    [Setting("divide the gradient by the guidance scale")]
    public bool CfgGradNormCompensate { get; init; }

    /// <summary>The numbers of the optimizer.</summary>
    [Settings]
    public AdamWSettings Optimizer { get; init; } = new() { LearningRate = 3e-4 };

    /// <summary>What follows the warm-up.</summary>
    [Setting(
        "what follows the warm-up: a cosine to 0, or the learning rate throughout",
        Choices = ["cosine", LearningRateDecay.Cosine, "constant_with_warmup", LearningRateDecay.None]
    )]
    public LearningRateDecay LrScheduler { get; init; } = LearningRateDecay.Cosine;

    /// <summary>Steps of the warm-up.</summary>
    [Setting("steps of linear warm-up", 0)]
    public int LrWarmupSteps { get; init; } = 20;

    /// <summary>Whether a moving average is kept.</summary>
    [Setting("evaluate and save a moving average of the weights instead of the last ones")]
    public bool UseEma { get; init; } = true;

    /// <summary>Its decay.</summary>
    [Setting("decay of the moving average that is evaluated and saved", 0, AdamWSettings.LargestDecay)]
    public double EmaDecay { get; init; } = 0.98;

    /// <summary>How the executor cuts a batch up.</summary>
    [Settings]
    public ExecutorOptions Executor { get; init; } = new();

    /// <summary>Who judges.</summary>
    [Settings]
    public JudgeSettings Judges { get; init; } = new();

    /// <summary>The alarm against reward hacking.</summary>
    [Settings]
    public HackingSettings Hacking { get; init; } = new();

    /// <summary>What is kept at the end.</summary>
    [Settings]
    public SelectionSettings Selection { get; init; } = new();

    /// <summary>Seed of the evaluation's noise; null: the run's.</summary>
    [Setting("seed of the evaluation's noise; none: seed", 0)]
    public long? EvalSeed { get; init; }

    /// <summary>Steps between evaluations; null or 0: before and after only.</summary>
    [Setting("steps between evaluations in evaluations.jsonl; none or 0: before and after only", 0)]
    public int? EvaluationInterval { get; init; }

    /// <summary>Steps between pictures.</summary>
    [Setting("steps between pictures in samples/", 1)]
    public int SampleInterval { get; init; } = 80;

    /// <summary>Steps between saved models; null: the last only.</summary>
    [Setting(
        "steps between checkpoints in checkpoints/, each a saved model to go on from; none: the last model only",
        1
    )]
    public int? CheckpointingSteps { get; init; }

    /// <summary>How several processes train it.</summary>
    [Settings]
    public RankSettings Ranks { get; init; } = new();

    /// <summary>How it goes on after something came between.</summary>
    [Settings]
    public ResumeSettings Resuming { get; init; } = new();

    /// <summary>The method.</summary>
    public MethodDefinition Method => Given.Method;

    /// <summary>The method with its settings.</summary>
    public ISurrogatePlanner Planner => OfMethod.Planner;

    /// <summary>The model's family; null where neither its folder nor its name tells.</summary>
    public ModelFamily? Family => Given.Family;

    /// <summary>Keys that were given and change nothing here, each with its reason.</summary>
    public IReadOnlyList<WithoutEffect> WithoutEffect => Given.WithoutEffect;

    /// <summary>File of training prompts on this machine.</summary>
    public string Prompts => EmbeddedAssets.Resolve(PromptsGiven, () => EmbeddedAssets.TrainingPrompts);

    /// <summary>Seed of the noise.</summary>
    public ulong NoiseSeed => (ulong)Model.Seed;

    /// <summary>Seed of the order of the prompts.</summary>
    public ulong PromptSeed => (ulong)(SamplerSeed ?? Model.Seed);

    /// <summary>Seed of the step indices.</summary>
    public ulong IndexSeed => (ulong)(SelectIdxSeed ?? Model.Seed);

    /// <summary>Seed of the evaluation's noise.</summary>
    public ulong EvaluationSeed => (ulong)(EvalSeed ?? Model.Seed);

    /// <summary>Pictures of an update's flow-matching loss; 0: it is off.</summary>
    public int FlowMatchingSamples =>
        FlowMatching.IsOff ? 0 : FlowMatching.FlowMatchingBatchSize ?? (TrainBatchSize * GradientAccumulationSteps);

    /// <summary>Warm-up, peak and decay.</summary>
    public LearningRateSchedule LearningRate =>
        new(Optimizer.LearningRate, LrWarmupSteps, LrScheduler == LearningRateDecay.Cosine ? MaxTrainSteps : null);

    private GivenSettings Given { get; init; } = null!;

    private ConfiguredMethod OfMethod { get; init; } = null!;

    /// <summary>Resolves flags or keys, of the run and of its method, by name or alias.</summary>
    /// <param name="given">Names and texts.</param>
    /// <exception cref="UnknownNameException">A name, or the method, is not known; the nearest is suggested.</exception>
    /// <exception cref="ArgumentException">A value is not accepted, or the settings don't go together.</exception>
    public static AlignmentConfig Resolve(IEnumerable<KeyValuePair<string, string>> given) =>
        Resolve(new SettingSources { Flags = [.. given] });

    /// <summary>Resolves preset, configuration file, overrides and flags.</summary>
    /// <param name="sources">Where the settings come from.</param>
    /// <exception cref="FileNotFoundException">There is no such configuration file.</exception>
    /// <exception cref="ArgumentException">
    /// A name is not known (the nearest is suggested), a value is not accepted, or the settings don't go together.
    /// </exception>
    public static AlignmentConfig Resolve(SettingSources sources)
    {
        var given = sources.Gather();
        var ofRun = Settings.Select(setting => setting.Name).ToHashSet();
        var texts = given.Values.Values.Select(value => KeyValuePair.Create(value.Name, value.Text)).ToArray();
        var config = s_table.Bind("align", texts.Where(pair => ofRun.Contains(pair.Key)));
        var divisor =
            config.CfgGradNormCompensate && config.Model.CfgGuidance > 0
                ? config.Model.CfgGuidance
                : config.Hinge.GradientDivisor;
        // What an optimizer, an executor and a loss take from several settings together.
        config = config with
        {
            Given = given,
            OfMethod = given.Method.Configure(texts.Where(pair => !ofRun.Contains(pair.Key))),
            Optimizer = config.Optimizer with { EmaDecay = config.UseEma ? config.EmaDecay : null },
            Executor = config.Executor with { KeptBytesBudget = config.Training.ActivationBytes },
            Hinge = config.Hinge with { GradientDivisor = divisor },
            Anchor = config.Anchor with { GradientDivisor = divisor },
        };
        SettingRules.Check(config);
        // A plan that cannot be drawn should be known now, not after the model has been loaded.
        config.Planner.Draw(
            NoiseSchedule.FlowMatchEuler(config.RolloutSteps),
            RandomStream.For(0, 0, 0, RandomPurpose.Indices)
        );
        return config;
    }

    /// <summary>Everything resolved, by canonical name, as it would be typed.</summary>
    public IEnumerable<KeyValuePair<string, string>> Resolved() => s_table.Texts(this).Concat(OfMethod.Texts);

    /// <summary>Where the value of a setting comes from.</summary>
    /// <param name="name">The setting's canonical name.</param>
    public ValueOrigin OriginOf(string name) =>
        Given.Values.TryGetValue(name, out var value) ? value.Origin : ValueOrigin.Default;

    private sealed class MethodAttribute()
        : SettingAttribute($"one of {string.Join(", ", MethodRegistry.All.Select(method => method.Name))}");
}
