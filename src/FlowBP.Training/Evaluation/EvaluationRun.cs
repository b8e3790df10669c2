// What the judges say of a model, alone or against a baseline.

using System.Text.Json;
using FlowBP.Models.Formats;
using FlowBP.Surrogates;
using FlowBP.Training.Alignment;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;
using S = FlowBP.Training.Alignment.AlignmentSettings;

namespace FlowBP.Training.Evaluation;

/// <summary>What evaluation.json holds.</summary>
public sealed record EvaluationSummary
{
    /// <summary>Number of prompts.</summary>
    public required int Prompts { get; init; }

    /// <summary>The model's metrics; without a baseline, base and aligned are both the model's.</summary>
    public required IReadOnlyDictionary<string, PairedGain> Metrics { get; init; }

    /// <summary>Whether there was a baseline.</summary>
    public required bool HasBaseline { get; init; }
}

/// <summary>Evaluates a model folder.</summary>
/// <param name="settings">Values of <see cref="EvaluationSettings.All"/>.</param>
/// <param name="observer">Hears of the progress.</param>
public sealed class EvaluationRun(SettingValues settings, IAlignmentObserver observer)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
    };

    /// <summary>Evaluates, and writes evaluation.json and pictures.</summary>
    /// <param name="cancellation">Stops between two batches of pictures; nothing is written then.</param>
    /// <exception cref="OperationCanceledException">The evaluation was cancelled.</exception>
    /// <exception cref="DeviceUnavailableException">A GPU was asked for, and can't be had.</exception>
    /// <exception cref="IOException">The output folder exists or cannot be written.</exception>
    /// <exception cref="CheckpointException">A model or reward is missing or damaged.</exception>
    public EvaluationSummary Execute(CancellationToken cancellation = default)
    {
        observer.Stage("loading");
        var folder = settings.Get(EvaluationSettings.OutputDir);
        OutputFolder.RequireEmpty(folder);
        var prompts = AlignmentRun.Thinned(
            PromptFile.Read(EmbeddedAssets.Resolve(settings.Get(S.EvalPrompts), () => EmbeddedAssets.HeldOutPrompts)),
            settings.Get(S.EvalPromptsLimit)
        );
        using var device = ComputeDevice.Open(settings.Get(S.Device), observer.Notice);
        using var reward = RewardFolder.Load(
            EmbeddedAssets.Resolve(settings.Get(S.Reward), () => EmbeddedAssets.Reward),
            device.Device
        );
        using var heldOut =
            settings.Get(S.HeldOutReward) == "none"
                ? null
                : RewardFolder.Load(
                    EmbeddedAssets.Resolve(settings.Get(S.HeldOutReward), () => EmbeddedAssets.HeldOutReward),
                    device.Device
                );
        var evaluator = new ImageEvaluator(
            prompts,
            reward,
            heldOut,
            settings.Get(S.SamplingSteps),
            (ulong)settings.Get(S.Seed),
            settings.Get(S.EvalImagesPerPrompt)
        );
        var baseline = settings.Get(EvaluationSettings.Baseline);
        var before = baseline == "none" ? null : Judge(evaluator, baseline, "baseline", device, cancellation);
        var after = Judge(evaluator, settings.Get(S.Model), "model", device, cancellation);

        Directory.CreateDirectory(folder);
        var pictures = new SamplePictures(evaluator, "evaluation");
        pictures.Write(Path.Combine(folder, "samples.png"), 0, after);
        if (before is not null)
        {
            pictures.WriteComparison(Path.Combine(folder, "before-after.png"), before, after);
        }
        var summary = new EvaluationSummary
        {
            Prompts = prompts.Count,
            Metrics = AlignmentSummary.Compare(before ?? after, after),
            HasBaseline = before is not null,
        };
        AtomicFile.WriteText(Path.Combine(folder, "evaluation.json"), JsonSerializer.Serialize(summary, Json) + "\n");
        return summary;
    }

    private EvaluationResult Judge(
        ImageEvaluator evaluator,
        string folder,
        string label,
        ComputeDevice device,
        CancellationToken cancellation
    )
    {
        observer.Stage($"evaluating the {label}");
        using var model = new TextToImage(
            EmbeddedAssets.Resolve(folder, () => EmbeddedAssets.Model),
            settings.Get(S.CfgGuidance),
            workers: settings.Get(S.CpuWorkers),
            device: device
        );
        var result = evaluator.Run(model, cancellation: cancellation);
        observer.Evaluated(label, result);
        return result;
    }
}
