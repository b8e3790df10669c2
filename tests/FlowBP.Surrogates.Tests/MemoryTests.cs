// The property that no published implementation has: peak memory of a gradient does not grow with the number of active
// steps. Bytes are counted by the allocator of tensor memory, not timed or sampled.
// Shape legend: B batch, D elements of a latent.

using FlowBP.RandomStreams;

namespace FlowBP.Surrogates.Tests;

/// <summary>Peak tensor memory of one gradient.</summary>
[NonParallelizable]
public class MemoryTests
{
    private const int Steps = 16;
    private const int Elements = 256;
    private const int Hidden = 512;
    private const int Batch = 16;
    private static readonly NoiseSchedule Schedule = NoiseSchedule.FlowMatchEuler(Steps);

    [Test]
    public void Peak_memory_of_the_executor_does_not_depend_on_the_number_of_active_steps()
    {
        using var world = new WideWorld();
        world.Executor(Plan(1));
        var one = world.PeakOf(() => world.Executor(Plan(1)));
        var twelve = world.PeakOf(() => world.Executor(Plan(12)));
        TestContext.Out.WriteLine($"executor: {one:n0} bytes for K = 1, {twelve:n0} for K = 12");
        Assert.That(twelve, Is.EqualTo(one).Within(5).Percent);
    }

    [Test]
    public void So_does_full_backpropagation()
    {
        using var world = new WideWorld();
        world.Executor(Plan(1));
        var one = world.PeakOf(() => world.Executor(Plan(1)));
        var full = world.PeakOf(() => world.Executor(new FullPlanner().FromIndices(Schedule)));
        TestContext.Out.WriteLine($"executor: {one:n0} bytes for K = 1, {full:n0} through all {Steps} steps");
        // The input gradient of a bridge is one more latent and one more hidden layer.
        Assert.That(full, Is.LessThan(1.5 * one));
    }

    [Test]
    public void The_same_gradient_by_autograd_over_the_whole_graph_grows_with_it()
    {
        using var world = new WideWorld();
        var one = world.PeakOf(() => world.Reference(Plan(1)));
        var twelve = world.PeakOf(() => world.Reference(Plan(12)));
        TestContext.Out.WriteLine($"whole graph: {one:n0} bytes for K = 1, {twelve:n0} for K = 12");
        Assert.That(twelve, Is.GreaterThan(3 * one));
        Assert.That(EquivalenceTests.Distance(world.Executor(Plan(12)), world.Reference(Plan(12))), Is.LessThan(1e-6));
    }

    private static SurrogatePlan Plan(int active) =>
        new SparsePlanner(new()).FromIndices(Schedule, [.. Enumerable.Range(Steps - active, active)]);

    // A network whose activations outweigh its parameters' gradients and the latents.
    private sealed class WideWorld : IDisposable
    {
        private readonly Tensor down;
        private readonly Tensor up;
        private readonly Tensor noise;
        private readonly Conditioning conditioning = new("c", torch.zeros([Batch, 1]));
        private readonly LinearReward reward;

        public WideWorld()
        {
            var source = RandomStream.For(3, 0, 0, RandomPurpose.Weights);
            Tensor Random(double scale, params long[] shape)
            {
                var values = new float[shape.Aggregate(1L, (product, size) => product * size)];
                source.FillNormal(values);
                return torch.tensor([.. values.Select(value => (float)(value * scale))], shape);
            }
            up = Random(0.05, 1, Hidden).requires_grad_(true);
            down = Random(0.05, Hidden, 1).requires_grad_(true);
            noise = Random(1, Batch, Elements);
            reward = new(Random(1, Elements));
        }

        // Every element passes through a hidden layer of its own: B·D·H activations, H parameters.
        private Tensor Forward(Tensor x_B, Tensor sigma_B, Conditioning c) =>
            (x_B.unsqueeze(2).matmul(up) + sigma_B.reshape([-1, 1, 1])).tanh().matmul(down).squeeze(2);

        private SurrogateBatch Inputs(SurrogatePlan plan) =>
            new()
            {
                Plan = BatchPlan.Shared(plan, Batch),
                Noise_B = noise,
                Conditioning = conditioning,
                RewardConditioning = conditioning,
            };

        public double[] Executor(SurrogatePlan plan) => Run(plan, reference: false);

        public double[] Reference(SurrogatePlan plan) => Run(plan, reference: true);

        private double[] Run(SurrogatePlan plan, bool reference)
        {
            using var scope = torch.NewDisposeScope();
            up.grad = null;
            down.grad = null;
            var inputs = Inputs(plan);
            var executor = new SurrogateExecutor(
                new AutogradVelocityField(Forward),
                Schedule,
                new CpuLatentKernels(),
                new() { Storage = ScalarType.Float32, RolloutChunk = 4 }
            );
            using var rollout = executor.Rollout(inputs);
            var weights = executor.Weigh(inputs, rollout);
            var hinge = new HingeLoss(Threshold: 1000);
            if (reference)
            {
                new ReferenceSurrogate(Forward, Schedule).Backward(inputs, rollout, weights, reward, hinge);
            }
            else
            {
                using var gradient = executor.RewardGradient(inputs, rollout, weights, reward, hinge);
                executor.AccumulateGradients(inputs, rollout, gradient);
            }
            return [.. TensorValues.Numbers(up.grad!), .. TensorValues.Numbers(down.grad!)];
        }

        public long PeakOf(Action run)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            var before = CountedMemory.CurrentBytes;
            CountedMemory.ResetPeak();
            run();
            return CountedMemory.PeakBytes - before;
        }

        public void Dispose()
        {
            up.Dispose();
            down.Dispose();
            noise.Dispose();
            conditioning.Dispose();
        }
    }
}
