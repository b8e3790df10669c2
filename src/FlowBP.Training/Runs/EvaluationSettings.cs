// The settings of `evaluate`, described as those of a run are.

using FlowBP.Settings;
using FlowBP.Training.Configuration;
using static FlowBP.Settings.SettingOf;

namespace FlowBP.Training.Runs;

/// <summary>Settings of an evaluation; those it shares with alignment are the same objects.</summary>
public static class EvaluationSettings
{
    /// <summary>The model that the model is compared with.</summary>
    public static Setting<string> Baseline { get; } =
        Text(
            "baseline",
            "none",
            "model folder to compare with, prompt by prompt, without lora_weights; embedded, a path, or none"
        );

    /// <summary>Output folder.</summary>
    public static Setting<string> OutputDir { get; } = Text("output_dir", "outputs/evaluation", "folder to create");

    /// <summary>Everything, in the order in which it is shown.</summary>
    public static IReadOnlyList<Setting> All { get; } =
    [
        AlignmentSettings.Model,
        AlignmentSettings.Transformer,
        AlignmentSettings.LoraWeights,
        AlignmentSettings.LoraScale,
        Baseline,
        AlignmentSettings.Reward,
        AlignmentSettings.HeldOutReward,
        AlignmentSettings.EvalPrompts,
        AlignmentSettings.CaptionKey,
        AlignmentSettings.EvalPromptsLimit,
        AlignmentSettings.EvalImagesPerPrompt,
        AlignmentSettings.EvalBatchSize,
        AlignmentSettings.PromptEmbeds,
        AlignmentSettings.MaxSequenceLength,
        AlignmentSettings.Height,
        AlignmentSettings.Width,
        AlignmentSettings.SamplingSteps,
        AlignmentSettings.CfgGuidance,
        AlignmentSettings.Seed,
        AlignmentSettings.ComputeDtype,
        AlignmentSettings.RewardDtype,
        AlignmentSettings.Device,
        AlignmentSettings.CpuWorkers,
        OutputDir,
    ];
}
