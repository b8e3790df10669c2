using FlowBP.Settings;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Runs;

/// <summary>Settings of <c>evaluate</c>.</summary>
public sealed record EvaluationSettings
{
    /// <summary>What can be set.</summary>
    public static SettingTable<EvaluationSettings> Table { get; } = new(new());

    /// <summary>The model.</summary>
    [Settings]
    public ModelSettings Model { get; init; } = new();

    /// <summary>The model that it is compared with, as <see cref="ModelSettings.Model"/>; null: none.</summary>
    [Setting("model folder to compare with, prompt by prompt, without lora_weights; embedded, a path, or none")]
    public string? Baseline { get; init; }

    /// <summary>Who judges.</summary>
    [Settings]
    public JudgeSettings Judges { get; init; } = new();

    /// <summary>Output folder.</summary>
    [Setting("folder to create")]
    public string OutputDir { get; init; } = "outputs/evaluation";
}
