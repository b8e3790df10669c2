// What the judges say of a model, alone or against a baseline.

using System.Text.Json;
using FlowBP.Formats;
using FlowBP.Settings;
using FlowBP.Surrogates;
using FlowBP.Training.Configuration;
using FlowBP.Training.Devices;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;
using S = FlowBP.Training.Configuration.AlignmentSettings;

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
    /// <exception cref="ConfigurationException">The settings don't go together, or the model does not have what they ask for.</exception>
    /// <exception cref="IOException">The output folder exists or cannot be written.</exception>
    /// <exception cref="CheckpointException">A model or reward is missing or damaged.</exception>
    /// <exception cref="NonFiniteException">A picture, or what a judge says of it, is not finite; nothing is written.</exception>
    public EvaluationSummary Execute(CancellationToken cancellation = default)
    {
        observer.Stage("loading");
        using var listening = LoadingNotices.To(observer.Notice);
        var choice = Choice();
        var folder = settings.Get(EvaluationSettings.OutputDir);
        OutputFolder.RequireEmpty(folder);
        var prompts = AlignmentRun.Thinned(
            PromptFile.Read(settings.EvaluationPrompts(), settings.Get(S.CaptionKey)),
            settings.Get(S.EvalPromptsLimit)
        );
        using var device = ComputeDevice.Open(settings.Get(S.Device), observer.Notice);
        var type = settings.Get(S.RewardDtype);
        using var reward = RewardFolder.Load(settings.RewardFolder(), device.Device, type);
        using var heldOut = settings.HeldOutRewardFolder() is { } heldOutFolder
            ? RewardFolder.Load(heldOutFolder, device.Device, type)
            : null;
        var evaluator = new ImageEvaluator(
            prompts,
            PictureJudges.Of(prompts, reward, heldOut),
            settings.Get(S.SamplingSteps),
            (ulong)settings.Get(S.Seed),
            settings.Get(S.EvalImagesPerPrompt),
            settings.Get(S.EvalBatchSize),
            observer.Notice
        );
        var before = Baseline(choice) is { } baseline
            ? Judge(evaluator, baseline, "baseline", device, cancellation)
            : null;
        var after = Judge(evaluator, choice, "model", device, cancellation);

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

    private ModelChoice Choice()
    {
        var choice = ModelChoice.Of(settings);
        return choice with { Compute = choice.Compute with { Reward = settings.Get(S.RewardDtype) } };
    }

    // Everything is as with the model, but for what was trained: its folder and the adapter.
    private ModelChoice? Baseline(ModelChoice model) =>
        settings.PathOf(EvaluationSettings.Baseline) is { } given
            ? model with
            {
                Folder = SettingPaths.ModelFolder(given),
                Compute = model.Compute with { StoredLora = null, TransformerWeights = null },
            }
            : null;

    private EvaluationResult Judge(
        ImageEvaluator evaluator,
        ModelChoice choice,
        string label,
        ComputeDevice device,
        CancellationToken cancellation
    )
    {
        observer.Stage($"evaluating the {label}");
        using var model = choice.Open(device, evaluator.Prompts, observer.Notice);
        var result = evaluator.Run(model, cancellation);
        observer.Evaluated(label, result);
        return result;
    }
}
