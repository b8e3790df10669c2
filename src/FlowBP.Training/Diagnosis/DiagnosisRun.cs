// A diagnosis of a model from its folder: what is particular to families and files is opened here, the measuring knows none of it.

using System.Diagnostics;
using FlowBP.Formats;
using FlowBP.Settings;
using FlowBP.Surrogates;
using FlowBP.Training.Alignment;
using FlowBP.Training.Devices;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Diagnosis;

/// <summary>Measures how faithful methods' gradients are.</summary>
/// <param name="settings">What is asked for.</param>
/// <param name="report">Hears of the draw (from 0) and the method that are being measured.</param>
/// <param name="notice">Hears what the user should know but need not act upon.</param>
public sealed class DiagnosisRun(
    DiagnosisSettings settings,
    Action<int, string>? report = null,
    Action<string>? notice = null
)
{
    /// <summary>Measures, and writes what is asked for.</summary>
    /// <param name="cancellation">Stops between two gradients; nothing is written then.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="InvalidSettingException">A setting is not accepted, or asks for what this model does not have.</exception>
    /// <exception cref="DeviceUnavailableException">A GPU was asked for, and can't be had.</exception>
    /// <exception cref="IOException">The output folder exists.</exception>
    /// <exception cref="CheckpointException">Model or reward are missing or damaged.</exception>
    /// <exception cref="NonFiniteException">A velocity, a reward or a gradient is not finite.</exception>
    public DiagnosisReport Execute(CancellationToken cancellation = default)
    {
        var start = Stopwatch.GetTimestamp();
        using var listening = LoadingNotices.To(notice);
        settings.Check();
        var planners = settings.Planners();
        if (settings.OutputDir is { } folder)
        {
            EmptyFolder.Require(folder);
        }
        var prompts = PromptFile.Read(
            EmbeddedAssets.Resolve(settings.Prompts, () => EmbeddedAssets.TrainingPrompts),
            settings.Model.CaptionKey
        );
        using var device = ComputeDevice.Open(settings.Model.Device, notice);
        using var model = settings.Model.Open(device, prompts, notice, settings.Training);
        using var reward = RewardFolder.Load(
            WeightedReward.Parse(settings.Reward),
            device.Device,
            settings.Model.RewardDtype
        );
        var size = new DiagnosisSize(settings.Draws, settings.IndexDraws, settings.BatchSize);
        var subject = Subject(settings, model, reward, prompts);
        var methods = new FidelityMeasure(subject, planners, size).Run(report, cancellation);
        var found = new DiagnosisReport
        {
            Parameters = subject.Parameters.Sum(parameter => parameter.numel()),
            Draws = size.Draws,
            IndexDraws = size.IndexDraws,
            BatchSize = size.BatchSize,
            RolloutSteps = settings.RolloutSteps,
            OrderedByDetached = subject.OrdersByDetached,
            PeakMemoryOf = device.PeakMemory.Counts,
            Seconds = Stopwatch.GetElapsedTime(start).TotalSeconds,
            Methods = methods,
        };
        if (settings.OutputDir is { } target)
        {
            DiagnosisFiles.Write(target, settings, found);
        }
        return found;
    }

    /// <summary>A model as the measuring sees it.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="model">The model, opened for training.</param>
    /// <param name="reward">The reward.</param>
    /// <param name="prompts">The prompts, visited in the order of a training with this seed.</param>
    internal static DiagnosisSubject Subject(
        DiagnosisSettings settings,
        TextToImage model,
        IImageReward reward,
        IReadOnlyList<string> prompts
    )
    {
        var seed = (ulong)settings.Model.Seed;
        var order = new PromptOrder(prompts, seed);
        return new()
        {
            Detached = model.Field.Scale == 1 ? null : model.Field.With(detachNegative: true),
            Attached = model.Field.With(detachNegative: false),
            OrdersByDetached = model.Field.Scale != 1 && settings.Training.CfgDetachNeg,
            Schedule = model.Schedule(settings.RolloutSteps),
            Compute = model.Compute,
            Executor = new()
            {
                Storage = settings.LatentDtype,
                Workers = model.Workers,
                RolloutKernels = model.Compute.RolloutKernels,
                // One rollout serves plans whose active steps differ.
                Reuse = RolloutReuse.Off,
            },
            Reward = new LatentReward(model.Model.Vae, reward),
            Hinge = new(settings.HingeLambda ?? SettingAttribute.LargestFactor),
            Parameters = [.. model.TrainedParameters.Select(trained => trained.Parameter)],
            LatentShape = model.LatentShape,
            Seed = seed,
            Conditions = draw =>
            {
                var texts = order.Next(draw, settings.BatchSize);
                return (model.Painter.Encode(texts), reward.Encode([.. texts]));
            },
        };
    }
}
