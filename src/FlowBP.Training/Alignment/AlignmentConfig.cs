// A run, fully resolved: what was given, the defaults of the rest, and where the embedded parts lie on this machine.

using FlowBP.Kernels;
using FlowBP.Surrogates;
using FlowBP.Training.Optimization;
using S = FlowBP.Training.Alignment.AlignmentSettings;

namespace FlowBP.Training.Alignment;

/// <summary>The resolved configuration of an alignment run.</summary>
public sealed class AlignmentConfig
{
    private readonly SettingValues run;
    private readonly SettingValues method;

    private AlignmentConfig(SettingValues run, MethodDefinition definition, SettingValues method)
    {
        this.run = run;
        this.method = method;
        Method = definition;
        Planner = definition.Make(method);
    }

    /// <summary>The run's own settings; a method adds its own (<see cref="MethodRegistry"/>).</summary>
    public static IReadOnlyList<Setting> Settings => S.All;

    /// <summary>The method.</summary>
    public MethodDefinition Method { get; }

    /// <summary>The method with its settings.</summary>
    public ISurrogatePlanner Planner { get; }

    /// <summary>Model folder.</summary>
    public string Model => EmbeddedAssets.Resolve(run.Get(S.Model), () => EmbeddedAssets.Model);

    /// <summary>Folder of the training reward.</summary>
    public string Reward => EmbeddedAssets.Resolve(run.Get(S.Reward), () => EmbeddedAssets.Reward);

    /// <summary>Folder of the held-out reward; null: none.</summary>
    public string? HeldOutReward =>
        run.Get(S.HeldOutReward) == "none"
            ? null
            : EmbeddedAssets.Resolve(run.Get(S.HeldOutReward), () => EmbeddedAssets.HeldOutReward);

    /// <summary>File of training prompts.</summary>
    public string Prompts => EmbeddedAssets.Resolve(run.Get(S.Prompts), () => EmbeddedAssets.TrainingPrompts);

    /// <summary>File of evaluation prompts.</summary>
    public string EvalPrompts => EmbeddedAssets.Resolve(run.Get(S.EvalPrompts), () => EmbeddedAssets.HeldOutPrompts);

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
            EmaDecay = run.Get(S.EmaDecay),
        };

    /// <summary>The loss.</summary>
    public HingeLoss Hinge =>
        new(
            run.Get(S.HingeLambda),
            run.Get(S.LossGradScale),
            run.Get(S.CfgGradNormCompensate) && run.Get(S.CfgGuidance) > 0 ? run.Get(S.CfgGuidance) : 1
        );

    /// <summary>How the executor cuts a batch up.</summary>
    public ExecutorOptions Executor =>
        new()
        {
            Storage = run.Get(S.LatentDtype),
            RolloutChunk = run.Get(S.RolloutBatchSize) ?? int.MaxValue,
            RewardChunk = run.Get(S.RewardBatchSize) ?? int.MaxValue,
            VjpChunk = run.Get(S.VjpBatchSize) ?? int.MaxValue,
        };

    /// <summary>A setting's value.</summary>
    public T Get<T>(Setting<T> setting) => run.Get(setting);

    /// <summary>Resolves flags or keys, of the run and of its method, by name or alias.</summary>
    /// <param name="given">Names and texts.</param>
    /// <exception cref="UnknownNameException">A name, or the method, is not known; the nearest is suggested.</exception>
    /// <exception cref="ArgumentException">A value is not accepted, or the settings don't go together.</exception>
    public static AlignmentConfig Resolve(IEnumerable<KeyValuePair<string, string>> given)
    {
        var pairs = given.ToList();
        var named = pairs.Where(pair => S.Method.Answers(pair.Key)).Select(pair => pair.Value).LastOrDefault();
        var definition = MethodRegistry.Get(named ?? S.Method.Default);
        var known = S.All.Concat(definition.Settings).ToList();
        foreach (var (name, _) in pairs)
        {
            if (!known.Any(setting => setting.Answers(name)))
            {
                throw new UnknownNameException(
                    "setting",
                    name,
                    known.Select(setting => setting.Name),
                    $" of method {definition.Name}"
                );
            }
        }
        bool OfRun(KeyValuePair<string, string> pair) => S.All.Any(setting => setting.Answers(pair.Key));
        var run = new SettingValues("align", S.All, pairs.Where(OfRun));
        var config = new AlignmentConfig(run, definition, definition.Resolve(pairs.Where(pair => !OfRun(pair))));
        // A plan that cannot be drawn should be known now, not after the model has been loaded.
        config.Planner.Draw(
            NoiseSchedule.FlowMatchEuler(config.Get(S.RolloutSteps)),
            RandomStream.For(0, 0, 0, RandomPurpose.Indices)
        );
        return config;
    }

    /// <summary>Everything resolved, by canonical name, as it would be typed.</summary>
    public IEnumerable<KeyValuePair<string, string>> Resolved() => run.Resolved().Concat(method.Resolved());
}
