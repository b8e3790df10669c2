using FlowBP.Families;
using FlowBP.RandomStreams;
using FlowBP.Settings;
using FlowBP.Surrogates;
using FlowBP.Training.Configuration;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Diagnosis;

/// <summary>Settings of <c>diagnose</c>.</summary>
public sealed record DiagnosisSettings
{
    /// <summary>
    /// What can be set. Both treatments of the negative branch are measured, <c>cfg_detach_neg</c> says by which of them methods are
    /// ordered; nothing is painted.
    /// </summary>
    public static SettingTable<DiagnosisSettings> Table { get; } = new(new(), "sampling_steps", "eval_guidance_scale");

    /// <summary>Names of methods; none: all.</summary>
    [Setting("methods to compare, separated by commas; none: all of them")]
    public IReadOnlyList<string> Methods { get; init; } = [];

    /// <summary>D.</summary>
    [Setting("draws of prompts and noise, the same ones for every method; intervals are over these", 2)]
    public int Draws { get; init; } = 8;

    /// <summary>R.</summary>
    [Setting("draws of step indices for each draw of prompts and noise", 2)]
    public int IndexDraws { get; init; } = 3;

    /// <summary>B.</summary>
    [Setting("samples of a draw, whose gradients are one", 1)]
    public int BatchSize { get; init; } = 2;

    /// <summary>N.</summary>
    [OfRun]
    public int RolloutSteps { get; init; } = 16;

    /// <summary>λ; null: no hinge.</summary>
    [Setting(
        "reward above which a sample stops pulling; none: every sample pulls",
        -SettingAttribute.LargestFactor,
        SettingAttribute.LargestFactor
    )]
    public double? HingeLambda { get; init; }

    /// <summary>Storage type of cached latents.</summary>
    [OfRun]
    public ScalarType LatentDtype { get; init; } = ScalarType.Float32;

    /// <summary>File of prompts, or <see cref="ModelFamilies.Embedded"/>.</summary>
    [OfRun]
    public string Prompts { get; init; } = ModelFamilies.Embedded;

    /// <summary>Folder of the reward, or <see cref="ModelFamilies.Embedded"/>.</summary>
    [OfRun]
    public string Reward { get; init; } = ModelFamilies.Embedded;

    /// <summary>Folder of what is written; null: nothing is.</summary>
    [Setting("folder to create for diagnose.json, .csv and .md; none: only print")]
    public string? OutputDir { get; init; }

    /// <summary>The model.</summary>
    [Settings]
    public ModelSettings Model { get; init; } = new();

    /// <summary>What is trained.</summary>
    [Settings]
    public TrainingSettings Training { get; init; } = new();

    /// <summary>Refuses what can be refused before a model is loaded.</summary>
    /// <exception cref="InvalidSettingException">A method is not known or can't be drawn, or settings don't go together.</exception>
    public void Check()
    {
        Model.Check();
        _ = Planners();
        // Refuses what is no list of rewards.
        _ = WeightedReward.Parse(Reward);
    }

    /// <summary>The chosen methods, with their own defaults.</summary>
    /// <exception cref="UnknownNameException">There is no such method; the nearest is suggested.</exception>
    /// <exception cref="ConfigurationException">A method is named twice, or its plans can't be drawn in so many steps.</exception>
    internal IReadOnlyList<(string Name, ISurrogatePlanner Planner)> Planners()
    {
        if (Methods.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new ConfigurationException($"methods names {twice.Key} twice");
        }
        var definitions = Methods.Count == 0 ? MethodRegistry.All : [.. Methods.Select(MethodRegistry.Get)];
        return [.. definitions.Select(method => (method.Name, Drawable(method.Name, method.Create([]))))];
    }

    // Known before a model is loaded.
    private ISurrogatePlanner Drawable(string name, ISurrogatePlanner planner)
    {
        try
        {
            planner.Draw(NoiseSchedule.FlowMatchEuler(RolloutSteps), RandomStream.For(0, 0, 0, RandomPurpose.Indices));
            return planner;
        }
        catch (ArgumentException e)
        {
            throw new ConfigurationException(
                $"method {name} has no plan for rollout_steps {RolloutSteps}: {e.Message}; give more steps, or other --methods"
            );
        }
    }
}
