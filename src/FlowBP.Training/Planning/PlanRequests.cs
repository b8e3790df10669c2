// From the settings of a prediction to what it is asked: networks looked up, automatic settings decided, units made bytes.

using FlowBP.Settings;
using FlowBP.Surrogates;

namespace FlowBP.Training.Planning;

/// <summary>Makes requests of settings.</summary>
public static class PlanRequests
{
    private const double Gibibyte = 1L << 30;

    /// <summary>Resolves what was given, of the run and of its method, by name or alias.</summary>
    /// <param name="given">Names and texts.</param>
    /// <exception cref="UnknownNameException">A name, or the method, is not known.</exception>
    /// <exception cref="InvalidSettingException">A value is not accepted, or the settings don't go together.</exception>
    /// <exception cref="Formats.CheckpointException">A configuration of the model is missing or damaged.</exception>
    public static PlanRequest Resolve(IEnumerable<KeyValuePair<string, string>> given)
    {
        var pairs = given.ToList();
        var settings = PlanSettings.Of(pairs);
        return Of(settings, MethodRegistry.Get(settings.Method).Create(pairs.Where(pair => !PlanSettings.OfRun(pair))));
    }

    private static PlanRequest Of(PlanSettings settings, ISurrogatePlanner planner)
    {
        var model = PlannedModels.Find(settings.Model, settings.Reward, settings.HeldOutReward);
        var resolution = settings.Resolution ?? model.Resolution;
        var multiple = model.Decoder.Compression * model.Transformer.PatchSize;
        if (resolution % multiple != 0)
        {
            throw new InvalidSettingException(
                $"resolution must be a multiple of {multiple} for {model.Name}, got {resolution}"
            );
        }
        var request = new PlanRequest
        {
            Model = model,
            Planner = planner,
            Batch = settings.Batch,
            Accumulation = settings.GradientAccumulationSteps,
            Resolution = resolution,
            RolloutSteps = settings.RolloutSteps,
            Gpus = settings.Gpus,
            GpuMemoryBytes = settings.GpuMemory * Gibibyte,
            IsGuided = model.TakesGuidance && settings.CfgGuidance != 1,
            DetachNegative = settings.CfgDetachNeg,
            RolloutChunk = settings.RolloutBatchSize,
            RewardChunk = settings.RewardBatchSize,
            VjpChunk = settings.VjpBatchSize,
            LatentBytes = BytesOf(settings.LatentDtype),
            ComputeBytes = BytesOf(settings.ComputeDtype),
            FrozenBytes = BytesOf(settings.RewardDtype),
            Sharding = settings.Sharding,
            LoraRank = settings.LoraRank,
            SegmentBlocks =
                settings.GradientCheckpointing == PlanSettings.Automatic ? null : settings.GradientCheckpointing,
            RecomputesDecode = settings.RecomputeDecode,
            ReusesRolloutBlocks = settings.ReuseRolloutBlocks == RolloutReuse.On,
            TextEncoding = settings.TextEncoders,
            KeepsAverage = settings.UseEma,
            HasReference = settings.AnchorWeight > 0 || settings.NormHingeWeight > 0 || settings.CompareToBase,
            FlowMatchingSamples =
                settings.FlowMatchingWeight > 0 ? settings.FlowMatchingBatchSize ?? settings.Batch : 0,
            RewardCopies = new RewardSmoothing(
                settings.RewardSmoothingCopies,
                IncludeClean: settings.RewardSmoothingClean
            ).Images,
            FusedAttention = settings.FusedAttention,
            WorkspaceBytes = (long)(settings.Workspace * Gibibyte),
        };
        if (settings.GradientCheckpointing == PlanSettings.Automatic && !new RunPlan(request).Fits)
        {
            request = request with { SegmentBlocks = 1 };
        }
        // A network that is one segment has no inputs to keep.
        var kept = request with
        {
            ReusesRolloutBlocks = request.SegmentBlocks is not null,
        };
        return settings.ReuseRolloutBlocks == RolloutReuse.Auto && new RunPlan(kept).Fits ? kept : request;
    }

    private static int BytesOf(ScalarType type) => type == ScalarType.BFloat16 ? 2 : 4;
}
