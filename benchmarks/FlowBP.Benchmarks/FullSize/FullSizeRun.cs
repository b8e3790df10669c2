// A few steps of the production trainer on a model that no file was read for, and the plan of the same run.

using System.Diagnostics;
using FlowBP.Families.Tracing;
using FlowBP.Surrogates;
using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;
using FlowBP.Training.Devices;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Planning;

namespace FlowBP.Benchmarks.FullSize;

/// <summary>What was measured.</summary>
/// <param name="Request">The run on paper.</param>
/// <param name="BuildSeconds">Time to make the networks.</param>
/// <param name="Matrices">The machine's best.</param>
/// <param name="Steps">The steps that count.</param>
/// <param name="ReservedBytes">Most that the GPU's allocator had taken, unused memory included; null: not known.</param>
internal sealed record FullSizeResult(
    PlanRequest Request,
    double BuildSeconds,
    MatrixRate Matrices,
    IReadOnlyList<StepReport> Steps,
    long? ReservedBytes
)
{
    /// <summary>Work and memory, predicted.</summary>
    public RunPlan Plan { get; } = new(Request);

    /// <summary>Work of a step that recomputes nothing.</summary>
    public double ModelFlops { get; } = new RunPlan(Request with { SegmentBlocks = null }).Work.Sum(part => part.Flops);
}

internal static class FullSizeRun
{
    /// <summary>Builds the networks, makes the steps.</summary>
    /// <param name="model">The networks.</param>
    /// <param name="config">The alignment; its model, reward and prompts are not read.</param>
    /// <param name="device">Where.</param>
    /// <param name="warmUps">Steps before those that count.</param>
    /// <param name="steps">Steps that count.</param>
    /// <param name="progress">Hears of the progress.</param>
    internal static FullSizeResult Measure(
        FullSizeModel model,
        AlignmentConfig config,
        ComputeDevice device,
        int warmUps,
        int steps,
        Action<string> progress
    )
    {
        var (type, frozen) = (config.Model.ComputeDtype, config.Model.RewardDtype);
        // Of their own, so that the weights don't depend on them. First of all: libtorch sets up its part of a GPU's context with
        // its first tensor.
        using var factors = new RandomValues(device.Device);
        progress("matrix products");
        var before = MatrixRate.Measure(device, type, factors);
        progress("building the networks");
        var started = Stopwatch.GetTimestamp();
        using var values = new RandomValues(device.Device);
        // Masters are made of float32 weights, and take their memory over.
        var trained = config.Training.LoraRank is null ? ScalarType.Float32 : type;
        using var reward = new RandomReward(values, frozen, model.Reward);
        using var aligned = new TextToImage(
            model.Build(values, new(trained, frozen)),
            config.Model,
            config.Training,
            device
        );
        string[] prompts = [.. Enumerable.Range(0, config.TrainBatchSize).Select(i => $"prompt {i}")];
        using var trainer = new AlignmentTrainer(config, aligned, reward, prompts);
        device.Synchronize();
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        List<StepReport> reports = [];
        for (var step = 0; step < warmUps + steps; step++)
        {
            progress(step < warmUps ? $"warm-up {step + 1} of {warmUps}" : $"step {step + 1 - warmUps} of {steps}");
            var report = trainer.Step(step);
            if (step >= warmUps)
            {
                reports.Add(report);
            }
        }
        var reserved = device.IsGpu ? CudaMemory.Of(device.Device.index)?.PeakReservedBytes : null;
        // Once more: a moment in which the machine did something else too must not make the steps look good.
        progress("matrix products");
        var after = MatrixRate.Measure(device, type, factors);
        var best = before.FlopsPerSecond > after.FlopsPerSecond ? before : after;
        return new(Request(model.Planned, config), seconds, best, reports, reserved);
    }

    /// <summary>The run on paper.</summary>
    /// <param name="model">The networks.</param>
    /// <param name="config">The alignment.</param>
    internal static PlanRequest Request(PlannedModel model, AlignmentConfig config) =>
        new()
        {
            Model = model,
            Planner = config.Planner,
            Batch = config.TrainBatchSize * config.GradientAccumulationSteps,
            Resolution = config.Model.Size is { } size ? size.Height : model.Resolution,
            RolloutSteps = config.RolloutSteps,
            IsGuided = model.TakesGuidance && config.Model.CfgGuidance != 1,
            DetachNegative = config.Training.CfgDetachNeg,
            RolloutChunk = config.Executor.RolloutChunk,
            RewardChunk = config.Executor.RewardChunk,
            VjpChunk = config.Executor.VjpChunk,
            LatentBytes = Bytes(config.Executor.Storage),
            ComputeBytes = Bytes(config.Model.ComputeDtype),
            FrozenBytes = Bytes(config.Model.RewardDtype),
            LoraRank = config.Training.LoraRank,
            SegmentBlocks = config.Training.GradientCheckpointing switch
            {
                "none" => null,
                // Without a budget, "auto" is one block at a time.
                var text => int.TryParse(text, out var blocks) ? blocks : 1,
            },
            ReusesRolloutBlocks = config.Executor.Reuse == RolloutReuse.On,
            TextEncoding = TextEncoding.Precomputed,
            KeepsAverage = config.UseEma,
            FusedAttention = OperatorSupport.FusedAttention,
        };

    private static int Bytes(ScalarType type) => type == ScalarType.BFloat16 ? 2 : 4;
}
