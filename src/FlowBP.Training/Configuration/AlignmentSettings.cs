// Every setting of an alignment run that is not a method's own, once: flag, key of config.yaml, help, range, default. Names
// are the field's; the defaults suit the embedded model. AlignmentSettings.Network.cs has those of the networks.

using FlowBP.Families;
using FlowBP.Settings;
using FlowBP.Surrogates;
using FlowBP.Training.Devices;
using FlowBP.Training.Optimization;
using static FlowBP.Settings.SettingOf;

namespace FlowBP.Training.Configuration;

/// <summary>The settings of a run.</summary>
public static partial class AlignmentSettings
{
    // The complement, by which a moment's new values are multiplied and its sum divided, stays above zero in single precision.
    private const double LargestDecay = 0.9999999;

    // A gradient that is zero divides zero by it.
    private const double SmallestEpsilon = 1e-30;

    /// <summary>The word that stands for what ships with the project.</summary>
    public const string Embedded = ModelFamily.Embedded;

    private static IReadOnlyList<Setting>? s_all;

    // More threads than this leave parts too small for a batch of the usual sizes.
    private const int MostCpuWorkers = 8;

    /// <summary>The method.</summary>
    public static Setting<string> Method { get; } =
        Text("method", "flowbp-lagrange", $"one of {string.Join(", ", MethodRegistry.All.Select(m => m.Name))}");

    /// <summary>Model folder.</summary>
    public static Setting<string> Model { get; } =
        Text("model", Embedded, "model folder in diffusers' layout", "pretrained_model_name_or_path");

    /// <summary>The transformer's weights, where they are not the model folder's.</summary>
    public static Setting<string> Transformer { get; } =
        Text(
            "transformer",
            "none",
            "file of the transformer's weights instead of the model folder's, under diffusers' or the original names"
                + " (single-file checkpoints); or none"
        );

    /// <summary>Folder of the reward that is trained on.</summary>
    public static Setting<string> Reward { get; } =
        Text("reward", Embedded, "folder of the reward that is trained on", "reward_ckpt_path");

    /// <summary>Folder of the reward that only evaluates.</summary>
    public static Setting<string> HeldOutReward { get; } =
        Text("heldout_reward", Embedded, "folder of a reward that only evaluates, or none");

    /// <summary>Training prompts.</summary>
    public static Setting<string> Prompts { get; } =
        Text(
            "prompts",
            Embedded,
            "file of training prompts: text, one per line, or .json, .jsonl, .csv, .tsv",
            "data_path"
        );

    /// <summary>Key or column of a prompt.</summary>
    public static Setting<string> CaptionKey { get; } =
        Text(
            "caption_key",
            PromptFile.UsualKeys,
            "key or column of the prompt in files of prompts in JSON, JSON lines, CSV or TSV; auto: prompt, caption or text"
        );

    /// <summary>Evaluation prompts.</summary>
    public static Setting<string> EvalPrompts { get; } =
        Text("eval_prompts", Embedded, "file of held-out prompts, as prompts", "prompts_file");

    /// <summary>At most so many evaluation prompts.</summary>
    public static Setting<int?> EvalPromptsLimit { get; } =
        OptionalInteger("eval_prompts_limit", null, 1, "use so many evaluation prompts, evenly taken");

    /// <summary>Pictures per evaluation prompt.</summary>
    public static Setting<int> EvalImagesPerPrompt { get; } =
        Integer("eval_images_per_prompt", 12, 1, "pictures per evaluation prompt, each from noise of its own");

    /// <summary>Pictures that an evaluation paints at once.</summary>
    public static Setting<int?> EvalBatchSize { get; } =
        OptionalInteger(
            "eval_batch_size",
            null,
            1,
            "pictures painted and judged at once; none: 32, fewer of large ones, one of 1024 x 1024 pixels"
        );

    /// <summary>Output folder.</summary>
    public static Setting<string> OutputDir { get; } = Text("output_dir", "outputs/align", "folder to create");

    /// <summary>Whether an output folder may be replaced.</summary>
    public static Setting<bool> Overwrite { get; } = Flag("overwrite", false, "replace an existing output folder");

    /// <summary>Updates.</summary>
    public static Setting<int> MaxTrainSteps { get; } = Integer("max_train_steps", 150, 1, "number of updates");

    /// <summary>Seed of all draws.</summary>
    public static Setting<long> Seed { get; } = LargeInteger("seed", 42, 0, "seed of noise, indices and prompt order");

    /// <summary>Seed of the prompts' order.</summary>
    public static Setting<long?> SamplerSeed { get; } =
        OptionalLargeInteger("sampler_seed", null, 0, "seed of the prompts' order; none: seed");

    /// <summary>Seed of the step indices.</summary>
    public static Setting<long?> SelectIdxSeed { get; } =
        OptionalLargeInteger("select_idx_seed", null, 0, "seed of the step indices; none: seed");

    /// <summary>Seed of the evaluation's noise.</summary>
    public static Setting<long?> EvalSeed { get; } =
        OptionalLargeInteger("eval_seed", null, 0, "seed of the evaluation's noise; none: seed");

    /// <summary>B.</summary>
    public static Setting<int> TrainBatchSize { get; } =
        Integer("train_batch_size", 16, 1, "samples per update, or per accumulated part of one");

    /// <summary>Parts of an update.</summary>
    public static Setting<int> GradientAccumulationSteps { get; } =
        Integer("gradient_accumulation_steps", 1, 1, "batches whose gradients make one update");

    /// <summary>N.</summary>
    public static Setting<int> RolloutSteps { get; } = Integer("rollout_steps", 16, 2, "Euler steps in training (N)");

    /// <summary>N at evaluation.</summary>
    public static Setting<int> SamplingSteps { get; } =
        Integer("sampling_steps", 16, 1, "Euler steps at evaluation", "num_steps");

    /// <summary>s.</summary>
    public static Setting<double> CfgGuidance { get; } =
        Number("cfg_guidance", 3, 0, LargestFactor, "scale of classifier-free guidance; 1 is none", "guidance_scale");

    /// <summary>Whether the negative branch is a constant.</summary>
    public static Setting<bool> CfgDetachNeg { get; } =
        Flag("cfg_detach_neg", true, "the negative branch of guidance receives no gradient");

    /// <summary>Whether the loss is divided by the guidance scale.</summary>
    public static Setting<bool> CfgGradNormCompensate { get; } =
        Flag("cfg_grad_norm_compensate", false, "divide the gradient by the guidance scale");

    /// <summary>λ.</summary>
    public static Setting<double> HingeLambda { get; } =
        Number(
            "hinge_lambda",
            0.75, // what the embedded reward gives true pictures: past that there is nothing to gain but its weak spots
            -LargestFactor,
            LargestFactor,
            "reward above which a sample stops pulling",
            "loss_relu_clip"
        );

    /// <summary>Factor of the loss.</summary>
    public static Setting<double> LossGradScale { get; } =
        Number("loss_grad_scale", 1, 0, LargestFactor, "factor of loss and gradient");

    /// <summary>lr.</summary>
    public static Setting<double> LearningRate { get; } =
        Number("learning_rate", 4e-4, 0, LargestFactor, "learning rate of AdamW");

    /// <summary>What follows the warm-up.</summary>
    public static Setting<LearningRateDecay> LrScheduler { get; } =
        Choice(
            "lr_scheduler",
            LearningRateDecay.Cosine,
            [("cosine", LearningRateDecay.Cosine), ("constant_with_warmup", LearningRateDecay.None)],
            "what follows the warm-up: a cosine to 0, or the learning rate throughout"
        );

    /// <summary>Warm-up.</summary>
    public static Setting<int> LrWarmupSteps { get; } = Integer("lr_warmup_steps", 20, 0, "steps of linear warm-up");

    /// <summary>Weight decay.</summary>
    public static Setting<double> WeightDecay { get; } =
        Number("weight_decay", 1e-4, 0, LargestFactor, "decoupled weight decay");

    /// <summary>β₁.</summary>
    public static Setting<double> AdamBeta1 { get; } =
        Number("adam_beta1", 0.9, 0, LargestDecay, "decay of the first moment");

    /// <summary>β₂.</summary>
    public static Setting<double> AdamBeta2 { get; } =
        Number("adam_beta2", 0.999, 0, LargestDecay, "decay of the second moment");

    /// <summary>ε of AdamW.</summary>
    public static Setting<double> AdamEpsilon { get; } =
        Number("adam_epsilon", 1e-8, SmallestEpsilon, 1, "added to the denominator");

    /// <summary>Clipping.</summary>
    public static Setting<double> MaxGradNorm { get; } =
        Number(
            "max_grad_norm",
            1,
            double.Epsilon,
            double.PositiveInfinity,
            "largest norm of the gradient; larger ones are scaled down"
        );

    /// <summary>Whether an average is kept.</summary>
    public static Setting<bool> UseEma { get; } =
        Flag("use_ema", true, "evaluate and save a moving average of the weights instead of the last ones");

    /// <summary>EMA.</summary>
    public static Setting<double> EmaDecay { get; } =
        Number("ema_decay", 0.98, 0, LargestDecay, "decay of the moving average that is evaluated and saved");

    /// <summary>One draw per batch or per sample.</summary>
    public static Setting<DrawScope> IndexDraw { get; } =
        Choice(
            "index_draw",
            DrawScope.PerSample,
            [("per_sample", DrawScope.PerSample), ("per_batch", DrawScope.PerBatch)],
            "how many draws of step indices a batch gets; per_batch as in the reference"
        );

    /// <summary>Where a run computes.</summary>
    public static Setting<string> Device { get; } =
        new()
        {
            Name = "device",
            Help = "where to compute; auto: on a GPU where one can be used",
            Accepts = "auto | cpu | cuda | cuda:N",
            Default = ComputeDevice.Automatic,
            Parse = (text, out parsed) =>
            {
                parsed = text;
                return ComputeDevice.IsName(text);
            },
            Format = text => text,
        };

    /// <summary>Threads that share a batch.</summary>
    public static Setting<int> CpuWorkers { get; } =
        Integer(
            "cpu_workers",
            Math.Clamp(Environment.ProcessorCount, 1, MostCpuWorkers),
            1,
            "threads that each take a part of the batch, on a CPU; 1: threads inside the operators instead"
        );

    /// <summary>Pictures.</summary>
    public static Setting<int> SampleInterval { get; } =
        Integer("sample_interval", 80, 1, "steps between pictures in samples/");

    /// <summary>Evaluations.</summary>
    public static Setting<int?> EvaluationInterval { get; } =
        OptionalInteger(
            "evaluation_interval",
            null,
            0,
            "steps between evaluations in evaluations.jsonl; none or 0: before and after only"
        );

    /// <summary>Guidance of an evaluation.</summary>
    public static Setting<double?> EvalGuidanceScale { get; } =
        OptionalNumber("eval_guidance_scale", 0, LargestFactor, "scale of guidance in evaluations; none: cfg_guidance");

    /// <summary>Checkpoints.</summary>
    public static Setting<int?> CheckpointingSteps { get; } =
        OptionalInteger(
            "checkpointing_steps",
            null,
            1,
            "steps between saved models in checkpoints/; none: the last only"
        );

    /// <summary>Everything, in the order in which it is shown.</summary>
    public static IReadOnlyList<Setting> All =>
        // At first use: the initializers of both parts of this class have run by then.
        s_all ??= [
            Method,
            Model,
            Transformer,
            Reward,
            HeldOutReward,
            Prompts,
            CaptionKey,
            PromptEmbeds,
            MaxSequenceLength,
            Height,
            Width,
            OutputDir,
            Overwrite,
            MaxTrainSteps,
            Seed,
            SamplerSeed,
            SelectIdxSeed,
            TrainBatchSize,
            GradientAccumulationSteps,
            RolloutSteps,
            CfgGuidance,
            CfgDetachNeg,
            CfgGradNormCompensate,
            HingeLambda,
            LossGradScale,
            LearningRate,
            LrScheduler,
            LrWarmupSteps,
            WeightDecay,
            AdamBeta1,
            AdamBeta2,
            AdamEpsilon,
            MaxGradNorm,
            UseEma,
            EmaDecay,
            IndexDraw,
            EvalPrompts,
            EvalPromptsLimit,
            EvalImagesPerPrompt,
            EvalBatchSize,
            EvalSeed,
            EvalGuidanceScale,
            SamplingSteps,
            EvaluationInterval,
            SampleInterval,
            CheckpointingSteps,
            ComputeDtype,
            RewardDtype,
            LatentDtype,
            GradientCheckpointing,
            ActivationMemoryGb,
            ReuseRolloutBlocks,
            RecomputeDecode,
            RolloutBatchSize,
            RewardBatchSize,
            VjpBatchSize,
            LoraWeights,
            LoraRank,
            LoraAlpha,
            LoraTargetModules,
            Device,
            CpuWorkers,
        ];
}
