// A whole run: load, evaluate, train, evaluate, save. Everything that can be wrong with the inputs is found before the
// output folder is created, and the output folder is created before any time is spent.

using System.Diagnostics;
using FlowBP.Models.Formats;
using FlowBP.Training.Configuration;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;
using S = FlowBP.Training.Alignment.AlignmentSettings;

namespace FlowBP.Training.Alignment;

/// <summary>Aligns a model and says what came of it.</summary>
/// <param name="config">The run.</param>
/// <param name="observer">Hears of the progress.</param>
public sealed class AlignmentRun(AlignmentConfig config, IAlignmentObserver observer)
{
    /// <summary>Runs.</summary>
    /// <param name="cancellation">Stops between two steps or two batches of an evaluation; nothing is saved then.</param>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    /// <exception cref="DeviceUnavailableException">A GPU was asked for, and can't be had.</exception>
    /// <exception cref="ConfigurationException">A setting asks for what this model does not have.</exception>
    public AlignmentSummary Execute(CancellationToken cancellation = default)
    {
        observer.Stage("loading");
        var trainingPrompts = PromptFile.Read(config.Prompts, config.Get(S.CaptionKey));
        var evaluationPrompts = Thinned(
            PromptFile.Read(config.EvalPrompts, config.Get(S.CaptionKey)),
            config.Get(S.EvalPromptsLimit)
        );
        if (evaluationPrompts.Intersect(trainingPrompts).FirstOrDefault() is { } shared)
        {
            observer.Notice($"evaluation and training prompts overlap (\"{shared}\"): the gain is not held out");
        }
        using var device = ComputeDevice.Open(config.Get(S.Device), observer.Notice);
        using var listening = LoadingNotices.To(observer.Notice);
        using var model = config.ModelChoice.Open(device, [.. trainingPrompts, .. evaluationPrompts], observer.Notice);
        var type = config.Compute.Reward;
        using var reward = RewardFolder.Load(config.Reward, device.Device, type);
        using var heldOut = config.HeldOutReward is { } folder ? RewardFolder.Load(folder, device.Device, type) : null;
        var evaluator = new ImageEvaluator(
            evaluationPrompts,
            reward,
            heldOut,
            config.Get(S.SamplingSteps),
            config.EvaluationSeed,
            config.Get(S.EvalImagesPerPrompt),
            config.Get(S.EvalBatchSize),
            observer.Notice
        );
        using var output = new OutputFolder(config.OutputDir, config.Get(S.Overwrite));
        output.WriteConfig(config, device.Name);

        observer.Stage("evaluating the base model");
        var before = evaluator.Run(model, cancellation);
        observer.Evaluated("base", before);
        var pictures = new SamplePictures(config.Method.Name);
        pictures.Write(output.Sample(0), 0, before);

        observer.Stage("training");
        using var trainer = new AlignmentTrainer(config, model, reward, trainingPrompts);
        var (seconds, reports) = Guarded(
            () => Train(trainer, model, evaluator, pictures, output, cancellation),
            trainer,
            model,
            output
        );

        observer.Stage("evaluating the aligned model");
        SwapWithAverage(trainer);
        var after = evaluator.Run(model, cancellation);
        observer.Evaluated("aligned", after);
        pictures.Write(output.Sample(reports.Count), reports.Count, after);
        pictures.WriteComparison(Path.Combine(output.Samples, "before-after.png"), before, after);
        SaveResult(model, output);

        var summary = new AlignmentSummary
        {
            Method = config.Method.Name,
            Steps = reports.Count,
            Seconds = seconds,
            SecondsPerStep = Median([.. reports.Select(report => report.Seconds)]),
            PeakMemoryBytes = reports.Max(report => report.PeakMemoryBytes),
            PeakMemoryOf = model.Compute.PeakMemoryOf,
            EvaluationPrompts = evaluationPrompts.Count,
            Metrics = AlignmentSummary.Compare(before, after),
        };
        output.WriteSummary(summary);
        return summary;
    }

    // A number that is not finite stops a run before the weights are touched: they are saved as they were.
    private T Guarded<T>(Func<T> train, AlignmentTrainer trainer, TextToImage model, OutputFolder output)
    {
        try
        {
            return train();
        }
        catch (ArithmeticException e) when (output.HasMetrics)
        {
            SwapWithAverage(trainer);
            SaveResult(model, output);
            throw new TrainingStoppedException(trainer.Optimizer.Steps + 1, output.Model, e);
        }
    }

    private (double Seconds, List<StepReport> Reports) Train(
        AlignmentTrainer trainer,
        TextToImage model,
        ImageEvaluator evaluator,
        SamplePictures pictures,
        OutputFolder output,
        CancellationToken cancellation
    )
    {
        var steps = config.Get(S.MaxTrainSteps);
        var watch = new Stopwatch();
        List<StepReport> reports = [];
        for (var step = 0; step < steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            watch.Start();
            var report = trainer.Step(step);
            watch.Stop();
            reports.Add(report);
            output.WriteMetrics(report);
            observer.Step(report, steps);
            if (step + 1 < steps)
            {
                Between(step + 1);
            }
        }
        return (watch.Elapsed.TotalSeconds, reports);

        void Between(int done)
        {
            var draws = IsDue(done, config.Get(S.SampleInterval));
            var evaluates = IsDue(done, config.Get(S.EvaluationInterval));
            var saves = IsDue(done, config.Get(S.CheckpointingSteps));
            if (!(draws || evaluates || saves))
            {
                return;
            }
            SwapWithAverage(trainer);
            if (draws)
            {
                pictures.Write(output.Sample(done), done, evaluator.Draw(model, cancellation));
            }
            if (evaluates)
            {
                var result = evaluator.Run(model, cancellation);
                observer.Evaluated($"step {done}", result);
                output.WriteEvaluation(done, result);
            }
            if (saves)
            {
                SaveCheckpoint(output.Checkpoint(done));
            }
            SwapWithAverage(trainer);
        }

        // Of an adapted model only the adapter changes, and making it part of the weights would end the training.
        void SaveCheckpoint(string folder)
        {
            if (model.Adapter is { } adapter)
            {
                adapter.Save(folder);
                return;
            }
            model.Save(folder);
        }
    }

    private static void SaveResult(TextToImage model, OutputFolder output)
    {
        model.Adapter?.Save(output.Adapter);
        model.Save(output.Model);
    }

    // What is evaluated and saved is the moving average, where one is kept.
    private void SwapWithAverage(AlignmentTrainer trainer)
    {
        if (config.Get(S.UseEma))
        {
            trainer.Optimizer.SwapWithEma();
        }
    }

    private static bool IsDue(int done, int? interval) => interval is > 0 and var every && done % every == 0;

    // Evenly taken, so that every task keeps its share.
    internal static IReadOnlyList<string> Thinned(IReadOnlyList<string> prompts, int? limit) =>
        limit is not { } most || most >= prompts.Count
            ? prompts
            : [.. Enumerable.Range(0, most).Select(i => prompts[(int)((long)i * prompts.Count / most)])];

    private static double Median(double[] values)
    {
        Array.Sort(values);
        var middle = values.Length / 2;
        return values.Length % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    }
}
