// A whole study. Cells are independent, so several are computed at once, one thread each: that uses the cores better than threads within
// a small network, and no number depends on how many cells there are at a time.

using System.Diagnostics;
using System.Runtime.ExceptionServices;
using FlowBP.Formats;
using FlowBP.Settings;
using FlowBP.Training.Configuration;
using FlowBP.Training.Devices;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Studies;

/// <summary>Runs a study.</summary>
/// <param name="plan">The study.</param>
/// <param name="observer">Hears of the progress.</param>
public sealed class StudyRun(StudyPlan plan, IStudyObserver observer)
{
    private readonly Lock access = new();
    private readonly HashSet<string> noticed = [];
    private readonly Queue<StudyCell> waiting = new();
    private readonly Dictionary<StudyCell, CellRecord> records = [];
    private ExceptionDispatchInfo? failure;
    private long stepsDone;
    private long stepsWaiting;

    /// <summary>Computes what is not there yet, and writes the tables of all of it.</summary>
    /// <param name="cancellation">Stops between two steps or two batches of pictures; cells that are done stay.</param>
    /// <returns>What was found.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="InvalidSettingException">A setting asks for what this model does not have, or splits overlap.</exception>
    /// <exception cref="DeviceUnavailableException">A GPU was asked for, and can't be had.</exception>
    /// <exception cref="IOException">The folder holds something else, or can't be written.</exception>
    /// <exception cref="CheckpointException">Model or reward are missing or damaged.</exception>
    public StudyReport Execute(CancellationToken cancellation = default)
    {
        var start = Stopwatch.GetTimestamp();
        var prompts = StudyPrompts.Read(plan);
        using var device = ComputeDevice.Open(plan.Settings.Device, Notice);
        using var folder = new StudyFolder(plan.Folder, StudyIdentity.Of(plan, device.IsGpu ? "gpu" : "cpu"));
        foreach (var cell in plan.Cells)
        {
            if (folder.Find(cell) is { } record)
            {
                records[cell] = record;
            }
            else
            {
                waiting.Enqueue(cell);
            }
        }
        stepsWaiting = waiting.Sum(StepsOf);
        observer.Begin(plan.Cells.Count, records.Count);
        Compute(folder, device, prompts, cancellation);
        var report = StudyReport.Of(plan, [.. plan.Cells.Select(cell => records[cell])]);
        StudyFiles.Write(folder.Root, report);
        return report with { Seconds = Stopwatch.GetElapsedTime(start).TotalSeconds };
    }

    private void Compute(StudyFolder folder, ComputeDevice device, StudyPrompts prompts, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        // Matrix products of one cell would wait for those of another.
        using var blas = device.IsGpu ? null : BlasThreads.Use(1);
        if (device.IsGpu)
        {
            // Where its context is current.
            Work(folder, device, prompts, stop);
            cancellation.ThrowIfCancellationRequested();
            failure?.Throw();
            return;
        }
        var count = Math.Min(waiting.Count, plan.Settings.ParallelCells ?? Environment.ProcessorCount);
        Thread[] threads =
        [
            .. Enumerable
                .Range(0, count)
                .Select(i => new Thread(() => Work(folder, device, prompts, stop)) { Name = $"study cell {i}" }),
        ];
        foreach (var thread in threads)
        {
            thread.Start();
        }
        foreach (var thread in threads)
        {
            thread.Join();
        }
        cancellation.ThrowIfCancellationRequested();
        failure?.Throw();
    }

    private void Work(StudyFolder folder, ComputeDevice device, StudyPrompts prompts, CancellationTokenSource stop)
    {
        try
        {
            if (!device.IsGpu)
            {
                // Of this thread alone.
                torch.set_num_threads(1);
            }
            while (Next(stop) is { } cell)
            {
                var record = Compute(cell, device, prompts, stop.Token);
                lock (access)
                {
                    folder.Keep(cell, record);
                    records[cell] = record;
                    observer.Done(cell, record, records.Count, plan.Cells.Count);
                }
            }
        }
        catch (Exception e)
        {
            lock (access)
            {
                // What the first one's end stops is no failure of its own.
                failure ??= ExceptionDispatchInfo.Capture(e);
            }
            stop.Cancel();
        }
    }

    private StudyCell? Next(CancellationTokenSource stop)
    {
        lock (access)
        {
            return !stop.IsCancellationRequested && waiting.TryDequeue(out var cell) ? cell : null;
        }
    }

    private CellRecord Compute(
        StudyCell cell,
        ComputeDevice device,
        StudyPrompts prompts,
        CancellationToken cancellation
    )
    {
        using var scope = torch.NewDisposeScope();
        using var listening = LoadingNotices.To(Notice);
        var config = cell.Seed is { } seed ? plan.Config(plan.Arm(cell.Arm), seed) : plan.Base;
        using var model = config.Model.Open(
            device,
            prompts.All,
            Notice,
            // The base model paints as it does in training.
            config.Training
        );
        var type = config.Model.RewardDtype;
        using var reward = RewardFolder.Load(config.Judges.Rewards, device.Device, type);
        using var heldOut = config.Judges.HeldOutRewardFolder is { } heldOutFolder
            ? RewardFolder.Load(heldOutFolder, device.Device, type)
            : null;
        var evaluation = new StudyEvaluation(plan.Base, prompts.Test, plan.Measure.NoiseSeeds, reward, heldOut, Notice);
        if (cell.Seed is null)
        {
            return Base(model, reward, evaluation, prompts, cancellation);
        }
        var training = new CellTraining(
            config,
            model,
            reward,
            prompts,
            plan.Measure.CurveSteps,
            evaluation,
            (judge, setting) => Choosing(config, prompts, reward, heldOut, judge, setting),
            report => StepDone(cell, report.Step, config.MaxTrainSteps)
        );
        return training.Run(cell, cancellation);
    }

    private CellRecord Base(
        TextToImage model,
        IImageReward reward,
        StudyEvaluation evaluation,
        StudyPrompts prompts,
        CancellationToken cancellation
    )
    {
        var start = Stopwatch.GetTimestamp();
        var judged = evaluation.All(model, cancellation);
        return new()
        {
            Arm = StudyDefinition.BaseArm,
            Seed = null,
            Steps = 0,
            Metrics = judged.Scores,
            Curve = [new(0, judged.First)],
            Groups = judged.Groups,
            LeapErrors = plan.Measure.LeapErrors ? LeapErrors.Measure(plan, model, reward, prompts.Test) : null,
            Seconds = Stopwatch.GetElapsedTime(start).TotalSeconds,
        };
    }

    private (ImageEvaluator Evaluator, string Metric) Choosing(
        AlignmentConfig config,
        StudyPrompts prompts,
        IImageReward reward,
        IImageReward? heldOut,
        SelectionJudge by,
        string setting
    )
    {
        var judge = ChoosingJudge.Of(by, PictureJudges.Of(prompts.Choice, reward, heldOut), setting);
        return (ChoosingJudge.Evaluator(config, prompts.Choice, judge, Notice), judge.Metric);
    }

    private void StepDone(StudyCell cell, int step, int steps)
    {
        lock (access)
        {
            stepsDone++;
            observer.Step(cell, step, steps, Math.Min(1, stepsDone / (double)stepsWaiting));
        }
    }

    private long StepsOf(StudyCell cell) =>
        cell.Seed is { } seed ? plan.Config(plan.Arm(cell.Arm), seed).MaxTrainSteps : 0;

    private void Notice(string text)
    {
        lock (access)
        {
            if (noticed.Add(text))
            {
                observer.Notice(text);
            }
        }
    }
}
