// Rollout, reward gradient and pullbacks each have a chunk size. The loss is normalised by the count of all samples, so a chunk size
// moves memory and nothing else.

namespace FlowBP.Surrogates.Tests;

/// <summary><c>rollout_batch_size</c>, <c>reward_batch_size</c>, <c>vjp_batch_size</c>.</summary>
[NonParallelizable] // They count the bytes of the process.
public class ChunkTests
{
    private const int Batch = 12;
    private const int Elements = 48;
    private const int Hidden = 256;
    private static readonly NoiseSchedule Schedule = NoiseSchedule.FlowMatchEuler(6);
    private static readonly BatchPlan Plan = BatchPlan.Shared(
        new BridgePlanner(new()).FromIndices(Schedule, 3, [0, 2], [3, 4]),
        Batch
    );

    private static IEnumerable<TestCaseData> Sizes =>
        [
            new TestCaseData(new ExecutorOptions { RolloutChunk = 2 }, 0).SetArgDisplayNames("rollout"),
            new TestCaseData(new ExecutorOptions { RewardChunk = 2 }, 1).SetArgDisplayNames("reward"),
            new TestCaseData(new ExecutorOptions { VjpChunk = 2 }, 2).SetArgDisplayNames("vjps"),
        ];

    [TestCaseSource(nameof(Sizes))]
    public void A_chunk_size_changes_the_memory_of_its_phase_and_no_number(ExecutorOptions cut, int phase)
    {
        using var world = new ChunkWorld();
        world.Run(new());
        var whole = world.Run(new());
        var parts = world.Run(cut);
        TestContext.Out.WriteLine(
            $"peaks of rollout, reward, vjps: {string.Join(", ", whole.Peaks)} whole, {string.Join(", ", parts.Peaks)} cut"
        );
        using (Assert.EnterMultipleScope())
        {
            Assert.That(EquivalenceTests.Distance(parts.Gradient, whole.Gradient), Is.LessThan(1e-6));
            Assert.That(parts.Loss, Is.EqualTo(whole.Loss).Within(1e-6 * whole.Loss));
            // A sixth of the samples at once: a sixth of the graph, beside what does not depend on it.
            Assert.That(parts.Peaks[phase], Is.LessThan(whole.Peaks[phase] / 3));
        }
    }

    // A network and a reward whose activations outweigh latents and parameters.
    private sealed class ChunkWorld : IDisposable
    {
        private readonly ChainWorld world = new(
            blocks: 2,
            batch: Batch,
            elements: Elements,
            width: 16,
            hidden: Hidden,
            steps: 6
        );

        public (double[] Gradient, double Loss, long[] Peaks) Run(ExecutorOptions options)
        {
            world.ClearGradients();
            var inputs = new SurrogateBatch
            {
                Plan = Plan,
                Noise_B = world.Noise,
                Conditioning = world.Conditioning,
                RewardConditioning = world.Conditioning,
            };
            var executor = new SurrogateExecutor(
                world.Autograd,
                Schedule,
                new CpuLatentKernels(),
                options with
                {
                    Storage = ScalarType.Float32,
                }
            );
            var peaks = new long[3];
            RolloutCache? rollout = null;
            RewardGradient? gradient = null;
            peaks[0] = PeakOf(() => rollout = executor.Rollout(inputs));
            var weights = executor.Weigh(inputs, rollout!);
            peaks[1] = PeakOf(() =>
                gradient = executor.RewardGradient(inputs, rollout!, weights, new WideReward(), new(1000))
            );
            peaks[2] = PeakOf(() => executor.AccumulateGradients(inputs, rollout!, gradient!));
            double[] found =
            [
                .. world.Network.Parameters.SelectMany(parameter => TensorValues.Numbers(parameter.grad!)),
            ];
            var loss = gradient!.Loss;
            gradient.Dispose();
            rollout!.Dispose();
            return (found, loss, peaks);
        }

        public void Dispose() => world.Dispose();

        private static long PeakOf(Action run)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            var before = CountedMemory.CurrentBytes;
            CountedMemory.ResetPeak();
            run();
            return CountedMemory.PeakBytes - before;
        }

        // Every element passes through a wide layer of its own.
        private sealed class WideReward : IReward
        {
            public Tensor Score(Tensor latents_R, Conditioning conditioning)
            {
                using var scope = torch.NewDisposeScope();
                var wide = torch.linspace(-1, 1, Hidden);
                return (latents_R.unsqueeze(2) * wide).tanh().mean([1, 2]).MoveToOuterDisposeScope();
            }
        }
    }
}
