// What the judges say of a model, alone or against a baseline.

using System.Text.Json;
using FlowBP.Formats;
using FlowBP.Surrogates;
using FlowBP.Training.Devices;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Runs;

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
/// <param name="settings">What is asked for.</param>
/// <param name="observer">Hears of the progress.</param>
public sealed class EvaluationRun(EvaluationSettings settings, IAlignmentObserver observer)
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
    /// <exception cref="ConfigurationException">The settings don't go together, or the model does not have what they ask for.</exception>
    /// <exception cref="IOException">The output folder exists or cannot be written.</exception>
    /// <exception cref="CheckpointException">A model or reward is missing or damaged.</exception>
    /// <exception cref="NonFiniteException">A picture, or what a judge says of it, is not finite; nothing is written.</exception>
    public EvaluationSummary Execute(CancellationToken cancellation = default)
    {
        observer.Stage("loading");
        using var listening = LoadingNotices.To(observer.Notice);
        settings.Model.Check();
        var (judges, folder) = (settings.Judges, settings.OutputDir);
        EmptyFolder.Require(folder);
        var prompts = judges.Prompts(settings.Model.CaptionKey);
        using var device = ComputeDevice.Open(settings.Model.Device, observer.Notice);
        var type = settings.Model.RewardDtype;
        using var reward = RewardFolder.Load(judges.Rewards, device.Device, type);
        using var heldOut = judges.HeldOutRewardFolder is { } heldOutFolder
            ? RewardFolder.Load(heldOutFolder, device.Device, type)
            : null;
        var evaluator = new ImageEvaluator(
            prompts,
            PictureJudges.Of(prompts, reward, heldOut),
            settings.Model.SamplingSteps,
            (ulong)settings.Model.Seed,
            judges.EvalImagesPerPrompt,
            judges.EvalBatchSize,
            observer.Notice
        );
        var before = Baseline() is { } baseline ? Judge(evaluator, baseline, "baseline", device, cancellation) : null;
        var after = Judge(evaluator, settings.Model, "model", device, cancellation);

        FolderEntries.Create(folder);
        var pictures = new SamplePictures("evaluation", observer.Notice);
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

    // Everything is as with the model, but for what was trained: its folder and the adapter.
    private ModelSettings? Baseline() =>
        settings.Baseline is { } given
            ? settings.Model with
            {
                Model = given,
                Transformer = null,
                LoraWeights = null,
                LoraScale = 1,
                StrengthBase = null,
                Strength = 1,
            }
            : null;

    private EvaluationResult Judge(
        ImageEvaluator evaluator,
        ModelSettings painted,
        string label,
        ComputeDevice device,
        CancellationToken cancellation
    )
    {
        observer.Stage($"evaluating the {label}");
        using var model = painted.Open(device, evaluator.Prompts, observer.Notice);
        var result = evaluator.Run(model, cancellation);
        observer.Evaluated(label, result);
        return result;
    }
}
