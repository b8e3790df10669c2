// The real transformer block by block: same gradients, a fraction of the activations, and no parameter forgotten.

using FlowBP.Families;
using FlowBP.Kernels;
using FlowBP.Surrogates;

namespace FlowBP.Training.Tests;

/// <summary>Blockwise pullbacks of a Stable Diffusion 3 transformer against autograd.</summary>
[NonParallelizable] // Some count the bytes of the process.
public class SD3BlockwiseTests
{
    [TestCase("none")]
    [TestCase("blocks")]
    [TestCase("2")]
    public void Every_gradient_equals_autograds_to_1e_5(string mode)
    {
        using var world = new TransformerWorld(layers: 5);
        var expected = world.Pull(Fields.Whole(world.Transformer));
        var found = world.Pull(Fields.Blockwise(world.Transformer, GradientCheckpointing.Parse(mode)));
        Assert.That(TransformerWorld.RelativeNorm(found.Input, expected.Input), Is.LessThan(1e-5));
        Assert.That(found.Parameters.Keys, Is.EquivalentTo(expected.Parameters.Keys));
        // Gradients that are zero but for rounding (keys' biases: softmax does not see them) have nothing to be compared with.
        var largest = expected.Parameters.Values.Max(gradient => gradient.Max(Math.Abs));
        foreach (var (name, gradient) in expected.Parameters)
        {
            var error = gradient.Zip(found.Parameters[name]).Max(pair => Math.Abs(pair.First - pair.Second));
            Assert.That(error, Is.LessThan(1e-5 * Math.Max(gradient.Max(Math.Abs), 1e-3 * largest)), name);
        }
    }

    [Test]
    public void Every_parameter_belongs_to_one_part()
    {
        using var world = new TransformerWorld();
        var blocks = new BlockwiseTransformer(world.Transformer);
        Tensor[] parts =
        [
            .. blocks.EmbedParameters,
            .. blocks.Blocks.SelectMany(block => block.Parameters),
            .. blocks.HeadParameters,
        ];
        Assert.That(
            parts.Select(part => part.Handle),
            Is.EquivalentTo(world.Transformer.parameters().Select(parameter => parameter.Handle))
        );
    }

    [Test]
    public void Twelve_blocks_take_at_most_a_quarter_of_autograds_activations()
    {
        using var world = new TransformerWorld(layers: 12, heads: 4, size: 16, batch: 4);
        var autograd = Activations(world, Fields.Whole(world.Transformer));
        var blocks = Activations(world, Fields.Blockwise(world.Transformer));
        TestContext.Out.WriteLine(
            $"activations of 12 blocks: {autograd:n0} bytes by autograd, {blocks:n0} block by block"
        );
        Assert.That(4 * blocks, Is.LessThanOrEqualTo(autograd));
    }

    // Where the pullback's forward has the rollout's batch, it is the same computation. A detached negative branch halves it, and a
    // matrix product of another height may sum in another order.
    [TestCase(false, true, 0)]
    [TestCase(true, false, 0)]
    [TestCase(true, true, 1e-6)]
    public void A_gradient_from_kept_block_inputs_is_that_of_a_forward_of_its_own(
        bool guided,
        bool detachNegative,
        double tolerance
    )
    {
        using var world = new TransformerWorld(layers: 4, guided: guided);
        var field = new GuidedVelocityField(Fields.Blockwise(world.Transformer), 3.5, detachNegative);
        var expected = Gradient(world, field, RolloutReuse.Off, out var none);
        var found = Gradient(world, field, RolloutReuse.On, out var kept);
        Assert.That((none, kept > 0), Is.EqualTo((0L, true)));
        var largest = expected.Values.Max(gradient => gradient.Max(Math.Abs));
        foreach (var (name, gradient) in expected)
        {
            Assert.That(found[name], Is.EqualTo(gradient).Within(tolerance * largest), name);
        }
    }

    private static Dictionary<string, double[]> Gradient(
        TransformerWorld world,
        IVelocityField field,
        RolloutReuse reuse,
        out long keptBytes
    )
    {
        var schedule = NoiseSchedule.FlowMatchEuler(6, 3);
        world.Transformer.zero_grad();
        var inputs = new SurrogateBatch
        {
            Plan = BatchPlan.Shared(new BridgePlanner(new()).FromIndices(schedule, 3, [1], [3, 5]), 2),
            Noise_B = world.Noise,
            Conditioning = world.Conditioning,
            RewardConditioning = world.Conditioning,
        };
        var executor = new SurrogateExecutor(field, schedule, new CpuLatentKernels(), new() { Reuse = reuse });
        using var rollout = executor.Rollout(inputs);
        keptBytes = rollout.KeptBytes;
        var weights = executor.Weigh(inputs, rollout);
        using var gradient = executor.RewardGradient(inputs, rollout, weights, new MeanReward(), new(Threshold: 100));
        executor.AccumulateGradients(inputs, rollout, gradient);
        return world
            .Transformer.named_parameters()
            .Where(each => each.parameter.grad is not null)
            .ToDictionary(each => each.name, each => TensorValues.Numbers(each.parameter.grad!));
    }

    // Peak bytes above what is held anyway; gradients are there already, so that they don't count.
    private static long Activations(TransformerWorld world, IVelocityField field)
    {
        world.Pull(field);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = CountedMemory.CurrentBytes;
        CountedMemory.ResetPeak();
        field.Vjp(world.Noise, world.Sigma, world.Conditioning, world.Cotangent, false);
        return CountedMemory.PeakBytes - before;
    }

    private sealed class MeanReward : IReward
    {
        public Tensor Score(Tensor latents_R, Conditioning conditioning) => latents_R.tanh().mean([1, 2, 3]);
    }
}
