// What was predicted from shapes alone, against bytes that the allocator counted while the embedded model made a step.
// Shape legend: B batch, R reward rows, C channels, Y X latent elements.

using FlowBP.RandomStreams;
using FlowBP.Surrogates;
using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Planning;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Tests;

/// <summary>Predictions for the embedded model are within ten percent of what is measured.</summary>
[NonParallelizable]
public class PlanMeasurementTests
{
    private const double Tolerance = 10;

    [TestCase("flowbp-sparse", 16, 16, 16)]
    [TestCase("flowbp-lagrange", 16, 8, 4)]
    [TestCase("leapalign", 4, 4, 4)]
    [TestCase("draft-lv", 8, 8, 8)]
    [TestCase("refl", 16, 16, 8)]
    public void The_peak_of_a_step_is_within_ten_percent(string method, int batch, int rewardChunk, int vjpChunk)
    {
        var before = Settled();
        using var run = new Run(method, batch, rewardChunk, vjpChunk);
        using var trainer = new AlignmentTrainer(run.Config, run.Model, run.Reward, run.Prompts);
        var report = trainer.Step(0);
        Compare("peak", report.PeakMemoryBytes!.Value - before, run.Plan.PeakBytes);
    }

    [Test]
    public void Weights_optimizer_and_average_are_what_they_are()
    {
        var before = Settled();
        using var run = new Run("flowbp-sparse", 2, 2, 2);
        using var trainer = new AlignmentTrainer(run.Config, run.Model, run.Reward, run.Prompts);
        string[] parts =
        [
            "fp32 masters",
            "optimizer (two moments)",
            "moving average",
            "buffers of the transformer",
            "autoencoder",
            "rewards",
            "text encoders",
        ];
        var predicted = run.Plan.Resident.Where(part => parts.Contains(part.Name)).Sum(part => part.Bytes);
        Compare("state", CountedMemory.CurrentBytes - before, predicted, tolerance: 1);
    }

    [TestCase(8, "none", "fp32")]
    [TestCase(16, "none", "fp32")]
    [TestCase(16, "blocks", "fp32")]
    [TestCase(16, "2", "fp32")]
    [TestCase(16, "blocks", "bf16")]
    [TestCase(16, "none", "fp32", 16)]
    [TestCase(16, "blocks", "bf16", 16)]
    public void Every_phase_is_within_ten_percent(int batch, string checkpointing, string compute, int? rank = null)
    {
        using var run = new Run("flowbp-sparse", batch, batch, batch, checkpointing, compute, rank);
        using var inputs = run.Inputs();
        var executor = run.Executor();

        var before = Settled();
        using var rollout = executor.Rollout(inputs.Batch);
        var peak = CountedMemory.PeakBytes - before;
        var cached = CountedMemory.CurrentBytes - before;
        Compare("rollout", peak - cached, Phase(run, "rollout"));
        // The noise and the reward's inputs are counted with the cache; they are not there yet.
        var elements = rollout.X_TB.numel() + rollout.V_TB.numel();
        Assert.That(cached, Is.EqualTo(2 * elements).Within(1).Percent, "rollout cache");

        var weights = executor.Weigh(inputs.Batch, rollout);
        before = Settled();
        using var gradient = executor.RewardGradient(
            inputs.Batch,
            rollout,
            weights,
            new LatentReward(run.Model.Model.Vae, run.Reward),
            run.Config.Hinge
        );
        Compare("reward gradient", CountedMemory.PeakBytes - before, Phase(run, "reward gradient"));

        // The first product makes the gradients of the weights; the others add to them.
        executor.AccumulateGradients(inputs.Batch, rollout, gradient);
        before = Settled();
        executor.AccumulateGradients(inputs.Batch, rollout, gradient);
        Compare(
            "vector-Jacobian product",
            CountedMemory.PeakBytes - before,
            Phase(run, "vector-Jacobian product") - run.Plan.GradientBytes
        );
    }

    [Test]
    public void A_recomputed_decode_is_within_ten_percent_and_takes_less()
    {
        using var kept = new Run("flowbp-sparse", 8, 8, 8);
        using var run = new Run("flowbp-sparse", 8, 8, 8, recomputesDecode: true);
        using var inputs = run.Inputs();
        var executor = run.Executor();
        using var rollout = executor.Rollout(inputs.Batch);
        var weights = executor.Weigh(inputs.Batch, rollout);
        var before = Settled();
        using var gradient = executor.RewardGradient(
            inputs.Batch,
            rollout,
            weights,
            new LatentReward(run.Model.Model.Vae, run.Reward),
            run.Config.Hinge
        );
        Compare("reward gradient", CountedMemory.PeakBytes - before, Phase(run, "reward gradient"));
        Assert.That(Phase(run, "reward gradient"), Is.LessThan(Phase(kept, "reward gradient")));
    }

    private static long Phase(Run run, string name) => run.Plan.Phases.Single(part => part.Name == name).Bytes;

    private static void Compare(string what, long measured, long predicted, double tolerance = Tolerance)
    {
        TestContext.Out.WriteLine(
            $"{what}: measured {measured:N0}, predicted {predicted:N0}, {100.0 * predicted / measured:0.0} %"
        );
        Assert.That((double)predicted, Is.EqualTo((double)measured).Within(tolerance).Percent, what);
    }

    // What earlier tests left to the garbage collector must not be counted, nor go in the middle.
    private static long Settled()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        CountedMemory.ResetPeak();
        return CountedMemory.CurrentBytes;
    }

    private sealed class Run : IDisposable
    {
        public Run(
            string method,
            int batch,
            int rewardChunk,
            int vjpChunk,
            string checkpointing = "none",
            string compute = "fp32",
            int? loraRank = null,
            bool recomputesDecode = false
        )
        {
            (string Name, string Value)[] shared =
            [
                ("method", method),
                ("train_batch_size", $"{batch}"),
                ("rollout_steps", "16"),
                ("reward_batch_size", $"{rewardChunk}"),
                ("vjp_batch_size", $"{vjpChunk}"),
            ];
            var pairs = shared.Select(pair => KeyValuePair.Create(pair.Name, pair.Value)).ToArray();
            Config = AlignmentConfig.Resolve([
                .. pairs,
                new("cpu_workers", "1"),
                new("device", "cpu"),
                // So that every sample pulls.
                new("hinge_lambda", "100"),
            ]);
            Model = new TextToImage(
                Config.Model with
                {
                    ComputeDtype = compute == "bf16" ? ScalarType.BFloat16 : ScalarType.Float32,
                },
                new TrainingSettings
                {
                    GradientCheckpointing = checkpointing,
                    RecomputeDecode = recomputesDecode,
                    LoraRank = loraRank,
                }
            );
            Reward = RewardFolder.Load(Config.Judges.RewardFolder);
            Prompts = PromptFile.Read(Config.Prompts);
            Plan = new RunPlan(
                PlanRequests.Resolve([
                    .. pairs.Where(pair => pair.Key != "train_batch_size"),
                    new("batch", $"{batch}"),
                    new("compute_dtype", compute),
                    new("reward_dtype", "fp32"),
                    new("gradient_checkpointing", checkpointing),
                    new("fused_attention", OperatorSupport.FusedAttention ? "true" : "false"),
                    new("workspace", "0"),
                    new("lora_rank", loraRank is null ? "none" : $"{loraRank}"),
                    new("recompute_decode", recomputesDecode ? "true" : "false"),
                ])
            );
        }

        public AlignmentConfig Config { get; }

        public TextToImage Model { get; }

        public IImageReward Reward { get; }

        public IReadOnlyList<string> Prompts { get; }

        public RunPlan Plan { get; }

        private int Batch => Config.TrainBatchSize;

        public SurrogateExecutor Executor() =>
            new(Model.Field, Model.Schedule(16), Model.Compute.Kernels, Config.Executor);

        public Inputs Inputs()
        {
            var texts = Prompts.Take(Batch).ToArray();
            return new Inputs(
                new SurrogateBatch
                {
                    Plan = BatchPlan.Draw(
                        Config.Planner,
                        Model.Schedule(16),
                        Batch,
                        DrawScope.PerSample,
                        b => RandomStream.For(0, 0, b, RandomPurpose.Indices)
                    ),
                    Noise_B = Noise.Of(Model.LatentShape, Batch, 0, 0),
                    Conditioning = Model.Painter.Encode(texts),
                    RewardConditioning = Reward.Encode(texts),
                }
            );
        }

        public void Dispose()
        {
            Reward.Dispose();
            Model.Dispose();
        }
    }

    private sealed class Inputs(SurrogateBatch batch) : IDisposable
    {
        public SurrogateBatch Batch { get; } = batch;

        public void Dispose()
        {
            Batch.Noise_B.Dispose();
            Batch.Conditioning.Dispose();
            Batch.RewardConditioning.Dispose();
        }
    }
}
