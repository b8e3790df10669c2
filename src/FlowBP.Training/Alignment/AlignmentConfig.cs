// A run, fully resolved: what was given, the defaults of the rest, and where the embedded parts lie on this machine.

using FlowBP.Families;
using FlowBP.RandomStreams;
using FlowBP.Settings;
using FlowBP.Surrogates;
using FlowBP.Training.Configuration;
using FlowBP.Training.Optimization;
using FlowBP.Training.Pipelines;
using S = FlowBP.Training.Configuration.AlignmentSettings;

namespace FlowBP.Training.Alignment;

/// <summary>The resolved configuration of an alignment run.</summary>
public sealed class AlignmentConfig
{
    private const double BytesPerGigabyte = 1e9;

    private readonly SettingValues run;
    private readonly SettingValues method;
    private readonly GivenSettings given;

    private AlignmentConfig(GivenSettings given, SettingValues run, SettingValues method)
    {
        this.given = given;
        this.run = run;
        this.method = method;
        Planner = given.Method.Make(method);
    }

    /// <summary>The run's own settings; a method adds its own (<see cref="MethodRegistry"/>).</summary>
    public static IReadOnlyList<Setting> Settings => S.All;

    /// <summary>The method.</summary>
    public MethodDefinition Method => given.Method;

    /// <summary>The method with its settings.</summary>
    public ISurrogatePlanner Planner { get; }

    /// <summary>The model's family; null where neither its folder nor its name tells.</summary>
    public ModelFamily? Family => given.Family;

    /// <summary>Keys that were given and change nothing here, each with its reason.</summary>
    public IReadOnlyList<WithoutEffect> WithoutEffect => given.WithoutEffect;

    /// <summary>Model folder.</summary>
    public string Model => run.ModelFolder();

    /// <summary>Folder of the training reward.</summary>
    public string Reward => run.RewardFolder();

    /// <summary>Folder of the held-out reward; null: none.</summary>
    public string? HeldOutReward => run.HeldOutRewardFolder();

    /// <summary>File of training prompts.</summary>
    public string Prompts => EmbeddedAssets.Resolve(run.Get(S.Prompts), () => EmbeddedAssets.TrainingPrompts);

    /// <summary>File of evaluation prompts.</summary>
    public string EvalPrompts => run.EvaluationPrompts();

    /// <summary>Folder of the prompts' embeddings; null: none.</summary>
    public string? PromptEmbeds => run.PathOf(S.PromptEmbeds);

    /// <summary>File or folder of an adapter to begin with; null: none.</summary>
    public string? LoraWeights => run.PathOf(S.LoraWeights);

    /// <summary>The model, as it is to be opened.</summary>
    public ModelChoice ModelChoice
    {
        get
        {
            var choice = ModelChoice.Of(run);
            return choice with
            {
                DetachNegative = run.Get(S.CfgDetachNeg),
                SamplingGuidance = run.Get(S.EvalGuidanceScale),
                Compute = Compute with { TransformerWeights = choice.Compute.TransformerWeights },
            };
        }
    }

    /// <summary>Seed of the noise.</summary>
    public ulong NoiseSeed => (ulong)run.Get(S.Seed);

    /// <summary>Seed of the order of the prompts.</summary>
    public ulong PromptSeed => SeedOf(S.SamplerSeed);

    /// <summary>Seed of the step indices.</summary>
    public ulong IndexSeed => SeedOf(S.SelectIdxSeed);

    /// <summary>Seed of the evaluation's noise.</summary>
    public ulong EvaluationSeed => SeedOf(S.EvalSeed);

    /// <summary>Folder to create.</summary>
    public string OutputDir => run.Get(S.OutputDir);

    /// <summary>Warm-up, peak and decay.</summary>
    public LearningRateSchedule LearningRate =>
        new(
            run.Get(S.LearningRate),
            run.Get(S.LrWarmupSteps),
            run.Get(S.LrScheduler) == LearningRateDecay.Cosine ? run.Get(S.MaxTrainSteps) : null
        );

    /// <summary>The numbers of the optimizer.</summary>
    public AdamWSettings Optimizer =>
        new()
        {
            LearningRate = run.Get(S.LearningRate),
            Beta1 = run.Get(S.AdamBeta1),
            Beta2 = run.Get(S.AdamBeta2),
            Epsilon = run.Get(S.AdamEpsilon),
            WeightDecay = run.Get(S.WeightDecay),
            MaxGradNorm = run.Get(S.MaxGradNorm),
            EmaDecay = run.Get(S.UseEma) ? run.Get(S.EmaDecay) : null,
        };

    /// <summary>The loss of an update, over all its batches.</summary>
    public HingeLoss Hinge =>
        new(
            run.Get(S.HingeLambda),
            run.Get(S.LossGradScale),
            run.Get(S.CfgGradNormCompensate) && run.Get(S.CfgGuidance) > 0 ? run.Get(S.CfgGuidance) : 1
        );

    /// <summary>Size of the pictures; null: the one the model was made for.</summary>
    /// <exception cref="ConfigurationException">One side is given without the other, or no model paints in such units.</exception>
    public ImageSize? PictureSize => ModelChoice.SizeIn(run);

    /// <summary>Types, and what pullbacks keep alive.</summary>
    public ComputeOptions Compute =>
        new()
        {
            Compute = run.Get(S.ComputeDtype),
            Reward = run.Get(S.RewardDtype),
            Checkpointing = GradientCheckpointing.Parse(run.Get(S.GradientCheckpointing), ActivationBytes),
            RecomputesDecode = run.Get(S.RecomputeDecode),
            StoredLora = LoraWeights is { } path ? new(path, run.Get(S.LoraRank), run.Get(S.LoraAlpha)) : null,
            Lora =
                LoraWeights is null && run.Get(S.LoraRank) is { } rank
                    ? new()
                    {
                        Rank = rank,
                        Alpha = run.Get(S.LoraAlpha) ?? rank,
                        TargetModules = run.Get(S.LoraTargetModules),
                    }
                    : null,
            LoraSeed = (ulong)run.Get(S.Seed),
        };

    /// <summary>How the executor cuts a batch up.</summary>
    public ExecutorOptions Executor =>
        new()
        {
            Storage = run.Get(S.LatentDtype),
            RolloutChunk = run.Get(S.RolloutBatchSize) ?? int.MaxValue,
            RewardChunk = run.Get(S.RewardBatchSize) ?? int.MaxValue,
            VjpChunk = run.Get(S.VjpBatchSize) ?? int.MaxValue,
            Reuse = run.Get(S.ReuseRolloutBlocks),
            KeptBytesBudget = ActivationBytes,
        };

    /// <summary>A setting's value.</summary>
    public T Get<T>(Setting<T> setting) => run.Get(setting);

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
        var method = given.Method;
        var ofRun = S.All.Select(setting => setting.Name).ToHashSet();
        var texts = given.Values.Values.Select(value => KeyValuePair.Create(value.Name, value.Text)).ToArray();
        var config = new AlignmentConfig(
            given,
            new SettingValues("align", S.All, texts.Where(pair => ofRun.Contains(pair.Key))),
            method.Resolve(texts.Where(pair => !ofRun.Contains(pair.Key)))
        );
        SettingRules.Check(config);
        // A plan that cannot be drawn should be known now, not after the model has been loaded.
        config.Planner.Draw(
            NoiseSchedule.FlowMatchEuler(config.Get(S.RolloutSteps)),
            RandomStream.For(0, 0, 0, RandomPurpose.Indices)
        );
        return config;
    }

    /// <summary>Everything resolved, by canonical name, as it would be typed.</summary>
    public IEnumerable<KeyValuePair<string, string>> Resolved() => run.Resolved().Concat(method.Resolved());

    /// <summary>Where the value of a setting comes from.</summary>
    /// <param name="name">The setting's canonical name.</param>
    public ValueOrigin OriginOf(string name) =>
        given.Values.TryGetValue(name, out var value) ? value.Origin : ValueOrigin.Default;

    private long? ActivationBytes =>
        run.Get(S.ActivationMemoryGb) is { } gigabytes ? (long)(gigabytes * BytesPerGigabyte) : null;

    private ulong SeedOf(Setting<long?> own) => (ulong)(run.Get(own) ?? run.Get(S.Seed));
}
