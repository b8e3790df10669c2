// A whole run: load, evaluate, train, save, evaluate. Everything that can be wrong with the inputs is found before the
// output folder is created, and the output folder is created before any time is spent.

using FlowBP.Formats;
using FlowBP.Settings;
using FlowBP.Training.Alignment;
using FlowBP.Training.Checkpoints;
using FlowBP.Training.Configuration;
using FlowBP.Training.Devices;
using FlowBP.Training.Evaluation;
using FlowBP.Training.FlowMatching;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Ranks;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Runs;

/// <summary>Aligns a model and says what came of it.</summary>
/// <param name="config">The run.</param>
/// <param name="observer">Hears of the progress.</param>
/// <param name="ranks">
/// The processes that train together, of which this one is rank 0; the others are each a <see cref="RankFollower"/>. Null: it is alone.
/// </param>
public sealed class AlignmentRun(AlignmentConfig config, IAlignmentObserver observer, RankGroup? ranks = null)
{
    /// <summary>Runs.</summary>
    /// <param name="cancellation">
    /// Stops between two steps or two batches of an evaluation. What has been trained by then is stored.
    /// </param>
    /// <param name="suspend">
    /// Set before <paramref name="cancellation"/> where the run is to be gone on with later: what is stored is a checkpoint.
    /// </param>
    /// <exception cref="SuspendedRunException">The run was suspended.</exception>
    /// <exception cref="InterruptedRunException">
    /// The run was cancelled or failed after it had trained something, and says where that is.
    /// </exception>
    /// <exception cref="OperationCanceledException">The run was cancelled before.</exception>
    /// <exception cref="CheckpointException">It is to go on from a checkpoint that is damaged, or another run's.</exception>
    /// <exception cref="DeviceUnavailableException">A GPU was asked for, and can't be had.</exception>
    /// <exception cref="InvalidSettingException">A setting asks for what this model does not have.</exception>
    public AlignmentSummary Execute(CancellationToken cancellation = default, CancellationToken suspend = default)
    {
        try
        {
            return Run(cancellation, suspend);
        }
        catch (OperationCanceledException) when (suspend.IsCancellationRequested)
        {
            throw new SuspendedRunException(0, null);
        }
    }

    private AlignmentSummary Run(CancellationToken cancellation, CancellationToken suspend)
    {
        observer.Stage("loading");
        using var resumed = ResumedRun.Find(config, observer.Notice);
        using var listening = LoadingNotices.To(observer.Notice);
        var trainingPrompts = PromptFile.Read(config.Prompts, config.Model.CaptionKey);
        var evaluationPrompts = config.Judges.Prompts(config.Model.CaptionKey);
        var selectionPrompts = config
            is { Selection.Select: SelectionJudge.None, Hacking.OnHacking: HackingResponse.None }
            ? []
            : config.Selection.Prompts(config.Model.CaptionKey);
        NoticeOverlap(
            evaluationPrompts,
            trainingPrompts,
            "evaluation and training prompts overlap",
            "the gain is not held out"
        );
        NoticeOverlap(
            evaluationPrompts,
            selectionPrompts,
            "evaluation prompts and those of select_prompts overlap",
            "the gain is measured on what was chosen by"
        );
        NoticeOverlap(
            selectionPrompts,
            trainingPrompts,
            "prompts of select_prompts and training prompts overlap",
            "what is chosen may be what was learnt by heart"
        );
        var captions = CaptionedPictures.Of(config.FlowMatching, trainingPrompts)?.Captions ?? [];
        NoticeOverlap(
            [.. evaluationPrompts, .. selectionPrompts],
            captions,
            "captions of flow_matching_data and held-out prompts overlap",
            "the model is trained on what it is judged by"
        );
        using var device = ComputeDevice.Open(config.Model.Device, observer.Notice);
        using var engine = RankDevices.Connect(ranks ?? RankGroup.Alone, device, observer.Notice);
        using var model = config.Model.Open(
            device,
            [.. trainingPrompts, .. evaluationPrompts, .. selectionPrompts, .. captions],
            observer.Notice,
            config.Training
        );
        var type = config.Model.RewardDtype;
        using var reward = RewardFolder.Load(config.Judges.Rewards, device.Device, type);
        using var heldOut = config.Judges.HeldOutRewardFolder is { } folder
            ? RewardFolder.Load(folder, device.Device, type)
            : null;
        var evaluator = new ImageEvaluator(
            evaluationPrompts,
            PictureJudges.Of(evaluationPrompts, reward, heldOut),
            config.Model.SamplingSteps,
            config.EvaluationSeed,
            config.Judges.EvalImagesPerPrompt,
            config.Judges.EvalBatchSize,
            observer.Notice
        );
        var selectionJudges = PictureJudges.Of(selectionPrompts, reward, heldOut);
        var selection = Selection(selectionPrompts, selectionJudges, device);
        using var watch = Watch(model, selectionPrompts, selectionJudges);
        // Refuses what this model's network does not do, so it comes before the output folder.
        using var trainer = new AlignmentTrainer(config, model, reward, trainingPrompts, ranks);
        var identity = new RunIdentity(
            config,
            device.Name,
            RunFingerprints.Of(
                config,
                model,
                new Dictionary<string, IReadOnlyList<string>>
                {
                    ["prompts"] = trainingPrompts,
                    ["eval_prompts"] = evaluationPrompts,
                    ["select_prompts"] = selectionPrompts,
                    ["captions of flow_matching_data"] = captions,
                }
            )
        );
        resumed?.Require(identity, observer.Notice);
        using var output =
            resumed?.Output(observer.Notice) ?? new OutputFolder(config.OutputDir, config.Overwrite, observer.Notice);
        output.Records.WriteConfig(config, device.Name);
        using var checkpoints = new RunCheckpoints(identity, model, trainer, output, watch, observer.Notice);
        var weights = new TrainedWeights(model, trainer, output, observer.Notice);
        weights.Prepare();

        observer.Stage("evaluating the base model");
        var before = evaluator.Run(model, cancellation);
        observer.Evaluated("base", before);
        var pictures = new SamplePictures(config.Method.Name, observer.Notice);
        pictures.Write(output.Sample(0), 0, before);

        observer.Stage("training");
        resumed?.GoOn(checkpoints);
        var parts = new RunParts(
            config,
            observer,
            model,
            trainer,
            evaluator,
            pictures,
            output,
            weights,
            selection,
            watch,
            checkpoints,
            suspend
        );
        var training = new TrainingLoop(parts);
        var reports = training.Run(cancellation);
        return new RunEnding(parts, training).Run(before, reports, cancellation);
    }

    private ModelSelection? Selection(
        IReadOnlyList<string> prompts,
        IReadOnlyList<IPictureJudge> judges,
        ComputeDevice device
    )
    {
        if (config.Selection.Select == SelectionJudge.None)
        {
            return null;
        }
        ChoosingJudge.Of(config.Selection.Select, judges, "select");
        return new(config, observer, device, prompts, judges);
    }

    private HackingWatch? Watch(TextToImage model, IReadOnlyList<string> prompts, IReadOnlyList<IPictureJudge> judges)
    {
        if (config.Hacking.OnHacking == HackingResponse.None)
        {
            return null;
        }
        var judge = ChoosingJudge.Of(config.Hacking.HackingJudge, judges, "hacking_judge");
        return new(
            config.Hacking,
            config.MaxTrainSteps,
            model,
            ChoosingJudge.Evaluator(config, prompts, judge, observer.Notice),
            judge.Metric
        );
    }

    private void NoticeOverlap(
        IReadOnlyList<string> prompts,
        IReadOnlyList<string> others,
        string what,
        string consequence
    )
    {
        if (prompts.Intersect(others).FirstOrDefault() is { } shared)
        {
            observer.Notice($"{what} (\"{shared}\"): {consequence}");
        }
    }
}
