// The settings of a prediction: those of an alignment that change memory or work, under the names they have there, and the
// machine.

using System.Globalization;
using FlowBP.Settings;
using FlowBP.Surrogates;
using static FlowBP.Settings.SettingOf;
using S = FlowBP.Training.Configuration.AlignmentSettings;

namespace FlowBP.Training.Planning;

/// <summary>Settings of <c>flowbp plan</c>, and the request that they make.</summary>
public static class PlanSettings
{
    /// <summary>The method that applies if none is given.</summary>
    public const string DefaultMethod = "flowbp-sparse";

    private const int Automatic = 0;
    private const double Gibibyte = 1L << 30;

    /// <summary>Model.</summary>
    public static Setting<string> Model { get; } =
        S.Model with
        {
            Help = $"model folder in diffusers' layout, or one of {string.Join(", ", PlannedModels.Names)}",
        };

    /// <summary>Training reward.</summary>
    public static Setting<string> Reward { get; } =
        Text(
            "reward",
            PlannedModels.OwnReward,
            "folder of the training reward, or hpsv2; auto: embedded for the embedded model, else hpsv2"
        );

    /// <summary>Reward that only evaluates.</summary>
    public static Setting<string> HeldOutReward { get; } =
        Text("heldout_reward", "none", "folder of a reward that only evaluates, or hpsv2, or none");

    /// <summary>GPUs.</summary>
    public static Setting<int> Gpus { get; } = Integer("gpus", 1, 1, "GPUs that share an update");

    /// <summary>Memory of each.</summary>
    public static Setting<double> GpuMemory { get; } =
        Number("gpu_memory", 80, double.Epsilon, LargestFactor, "memory of each GPU in GiB", "gpu-memory");

    /// <summary>Context and libraries.</summary>
    public static Setting<double> Workspace { get; } =
        Number("workspace", 1.5, 0, LargestFactor, "GiB that the device's context and libraries take: an estimate");

    /// <summary>Samples of an update.</summary>
    public static Setting<int> Batch { get; } =
        Integer("batch", 64, 1, "samples per update, all GPUs and accumulated batches together");

    /// <summary>Batches of an update.</summary>
    public static Setting<int> GradientAccumulationSteps { get; } =
        Integer("gradient_accumulation_steps", 1, 1, "batches that an update is made of, one after the other");

    /// <summary>Pixels.</summary>
    public static Setting<int?> Resolution { get; } =
        OptionalInteger("resolution", null, 1, "pixels per side; none: what the model is trained at here");

    /// <summary>N.</summary>
    public static Setting<int> RolloutSteps { get; } = S.RolloutSteps.With(25);

    /// <summary>Guidance.</summary>
    public static Setting<double> CfgGuidance { get; } =
        S.CfgGuidance with
        {
            Help = "scale of guidance; 1 is none; ignored where it is an input of the network",
        };

    /// <summary>Compute type.</summary>
    public static Setting<ScalarType> ComputeDtype { get; } = S.ComputeDtype.With(ScalarType.BFloat16);

    /// <summary>Type of frozen networks.</summary>
    public static Setting<ScalarType> RewardDtype { get; } =
        S.RewardDtype.With(ScalarType.BFloat16) with
        {
            Help = "type of autoencoder, rewards and text encoders",
        };

    /// <summary>Sharding.</summary>
    public static Setting<Sharding> ShardingMode { get; } =
        Choice(
            "sharding",
            Sharding.None,
            [("none", Sharding.None), ("full", Sharding.Full)],
            "whether masters, gradients, optimizer and average are divided among the GPUs"
        );

    /// <summary>Checkpointing; 0 stands for auto.</summary>
    public static Setting<int?> GradientCheckpointing { get; } =
        new()
        {
            Name = "gradient_checkpointing",
            Help =
                "blocks whose activations a pullback keeps: none: of all; blocks: of one; K: of K; auto: none if it fits",
            Accepts = "none | blocks | auto | an integer ≥ 1",
            Default = 1,
            Parse = (text, out parsed) =>
            {
                var isNumber = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count);
                parsed = text switch
                {
                    "blocks" => 1,
                    "auto" => Automatic,
                    _ => isNumber ? count : null,
                };
                return text is "none" or "blocks" or "auto" || (isNumber && count > 0);
            },
            Format = count =>
                count switch
                {
                    null => "none",
                    1 => "blocks",
                    Automatic => "auto",
                    { } blocks => blocks.ToString(CultureInfo.InvariantCulture),
                },
        };

    /// <summary>Reuse.</summary>
    public static Setting<RolloutReuse> ReuseRolloutBlocks { get; } =
        Choice(
            "reuse_rollout_blocks",
            RolloutReuse.Off,
            [("auto", RolloutReuse.Auto), ("on", RolloutReuse.On), ("off", RolloutReuse.Off)],
            "the rollout keeps the block inputs of active steps, and their pullbacks skip a forward; auto: if it fits"
        );

    /// <summary>Text encoders.</summary>
    public static Setting<TextEncoding> TextEncoders { get; } =
        Choice(
            "text_encoders",
            TextEncoding.Resident,
            [("resident", TextEncoding.Resident), ("precomputed", TextEncoding.Precomputed)],
            "whether text encoders are in memory, or embeddings were computed before"
        );

    /// <summary>Attention.</summary>
    public static Setting<bool> FusedAttention { get; } =
        Flag("fused_attention", true, "libtorch has scaled_dot_product_attention (2.0 and later)");

    /// <summary>Everything that can be set, method apart, in the order of the help.</summary>
    public static IReadOnlyList<Setting> All { get; } =
    [
        Model,
        S.Method.With(DefaultMethod),
        Gpus,
        GpuMemory,
        Batch,
        GradientAccumulationSteps,
        Resolution,
        RolloutSteps,
        CfgGuidance,
        S.CfgDetachNeg,
        S.RolloutBatchSize,
        S.RewardBatchSize,
        S.VjpBatchSize,
        GradientCheckpointing,
        ReuseRolloutBlocks,
        S.RecomputeDecode,
        ShardingMode,
        S.LoraRank,
        ComputeDtype,
        RewardDtype,
        S.LatentDtype,
        S.UseEma,
        TextEncoders,
        Reward,
        HeldOutReward,
        FusedAttention,
        Workspace,
    ];

    /// <summary>Resolves what was given, of the run and of its method, by name or alias.</summary>
    /// <param name="given">Names and texts.</param>
    /// <exception cref="UnknownNameException">A name, or the method, is not known.</exception>
    /// <exception cref="InvalidSettingException">A value is not accepted, or the settings don't go together.</exception>
    /// <exception cref="Formats.CheckpointException">A configuration of the model is missing or damaged.</exception>
    public static PlanRequest Resolve(IEnumerable<KeyValuePair<string, string>> given)
    {
        var pairs = given.ToList();
        bool OfRun(KeyValuePair<string, string> pair) => All.Any(setting => setting.Answers(pair.Key));
        var run = new SettingValues("plan", All, pairs.Where(OfRun));
        var definition = MethodRegistry.Get(run.Get(S.Method));
        var planner = definition.Create(pairs.Where(pair => !OfRun(pair)));
        var heldOut = run.Get(HeldOutReward);
        var model = PlannedModels.Find(run.Get(Model), run.Get(Reward), heldOut == "none" ? null : heldOut);
        var resolution = run.Get(Resolution) ?? model.Resolution;
        var multiple = model.Decoder.Compression * model.Transformer.PatchSize;
        if (resolution % multiple != 0)
        {
            throw new InvalidSettingException(
                $"{Resolution.Name} must be a multiple of {multiple} for {model.Name}, got {resolution}"
            );
        }
        var checkpointing = run.Get(GradientCheckpointing);
        var reuse = run.Get(ReuseRolloutBlocks);
        var request = new PlanRequest
        {
            Model = model,
            Planner = planner,
            Batch = run.Get(Batch),
            Accumulation = run.Get(GradientAccumulationSteps),
            Resolution = resolution,
            RolloutSteps = run.Get(RolloutSteps),
            Gpus = run.Get(Gpus),
            GpuMemoryBytes = run.Get(GpuMemory) * Gibibyte,
            IsGuided = model.TakesGuidance && run.Get(CfgGuidance) != 1,
            DetachNegative = run.Get(S.CfgDetachNeg),
            RolloutChunk = run.Get(S.RolloutBatchSize),
            RewardChunk = run.Get(S.RewardBatchSize),
            VjpChunk = run.Get(S.VjpBatchSize),
            LatentBytes = BytesOf(run.Get(S.LatentDtype)),
            ComputeBytes = BytesOf(run.Get(ComputeDtype)),
            FrozenBytes = BytesOf(run.Get(RewardDtype)),
            Sharding = run.Get(ShardingMode),
            LoraRank = run.Get(S.LoraRank),
            SegmentBlocks = checkpointing == Automatic ? null : checkpointing,
            RecomputesDecode = run.Get(S.RecomputeDecode),
            ReusesRolloutBlocks = reuse == RolloutReuse.On,
            TextEncoding = run.Get(TextEncoders),
            KeepsAverage = run.Get(S.UseEma),
            FusedAttention = run.Get(FusedAttention),
            WorkspaceBytes = (long)(run.Get(Workspace) * Gibibyte),
        };
        if (checkpointing == Automatic && !new RunPlan(request).Fits)
        {
            request = request with { SegmentBlocks = 1 };
        }
        // A network that is one segment has no inputs to keep.
        var kept = request with
        {
            ReusesRolloutBlocks = request.SegmentBlocks is not null,
        };
        return reuse == RolloutReuse.Auto && new RunPlan(kept).Fits ? kept : request;
    }

    private static int BytesOf(ScalarType type) => type == ScalarType.BFloat16 ? 2 : 4;
}
