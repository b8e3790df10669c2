// A pullback in segments is plain autograd with less memory: the same numbers, a fraction of the bytes, one more forward.

namespace FlowBP.Surrogates.Tests;

/// <summary>Blockwise pullbacks against plain autograd.</summary>
[NonParallelizable] // Some count the bytes of the process.
public class BlockwiseTests
{
    private static IEnumerable<GradientCheckpointing> Modes =>
        [
            GradientCheckpointing.None,
            GradientCheckpointing.Blocks,
            GradientCheckpointing.Every(4),
            GradientCheckpointing.Auto(0),
        ];

    [TestCaseSource(nameof(Modes))]
    public void Every_gradient_equals_autograds(GradientCheckpointing mode)
    {
        foreach (var (type, tolerance) in new[] { (ScalarType.Float64, 1e-12), (ScalarType.Float32, 1e-5) })
        {
            using var world = new ChainWorld(type: type);
            var expected = world.Pull(world.Autograd);
            var found = world.Pull(new BlockwiseVelocityField(world.Network, mode));
            Assert.That(EquivalenceTests.Distance(found.Input, expected.Input), Is.LessThan(tolerance));
            Assert.That(found.Parameters, Has.None.Null);
            foreach (var (own, reference) in found.Parameters.Zip(expected.Parameters))
            {
                Assert.That(EquivalenceTests.Distance(own!, reference!), Is.LessThan(tolerance), $"{type}");
            }
        }
    }

    [TestCaseSource(nameof(Modes))]
    public void So_does_the_value(GradientCheckpointing mode)
    {
        using var world = new ChainWorld();
        using var expected = world.Autograd.Evaluate(world.Noise, world.Sigma, world.Conditioning);
        var field = new BlockwiseVelocityField(world.Network, mode);
        using var found = field.Evaluate(world.Noise, world.Sigma, world.Conditioning);
        Assert.That(TensorValues.Numbers(found), Is.EqualTo(TensorValues.Numbers(expected)));
    }

    [Test]
    public void Twelve_blocks_take_at_most_a_quarter_of_autograds_activations()
    {
        using var world = new ChainWorld(blocks: 12, batch: 8, elements: 64, width: 32, hidden: 128);
        var autograd = Activations(world, world.Autograd);
        var blocks = Activations(world, new BlockwiseVelocityField(world.Network));
        TestContext.Out.WriteLine(
            $"activations of 12 blocks: {autograd:n0} bytes by autograd, {blocks:n0} block by block"
        );
        Assert.That(4 * blocks, Is.LessThanOrEqualTo(autograd));
    }

    [Test]
    public void They_are_the_block_inputs_and_one_blocks_graph_whatever_the_number_of_blocks()
    {
        using var few = new ChainWorld(blocks: 6, batch: 8, elements: 64, width: 32, hidden: 128);
        using var many = new ChainWorld(blocks: 24, batch: 8, elements: 64, width: 32, hidden: 128);
        var streams = 8L * 64 * 32 * sizeof(float);
        var growth =
            Activations(many, new BlockwiseVelocityField(many.Network))
            - Activations(few, new BlockwiseVelocityField(few.Network));
        // 18 more block inputs: the tokens, and for half of them a small second stream.
        Assert.That(growth, Is.EqualTo(18 * streams).Within(5).Percent);
    }

    [Test]
    public void The_prediction_is_what_is_measured()
    {
        using var world = new ChainWorld(blocks: 12, batch: 8, elements: 64, width: 32, hidden: 128);
        var blocks = ActivationMemory.Measure(world.Network, world.Noise, world.Sigma, world.Conditioning)!;
        foreach (var every in new[] { 1, 3, 12 })
        {
            var found = Activations(
                world,
                new BlockwiseVelocityField(world.Network, GradientCheckpointing.Every(every))
            );
            var predicted = 8 * ActivationMemory.PredictBytes(blocks, every);
            TestContext.Out.WriteLine($"every {every}: {found:n0} bytes, predicted {predicted:n0}");
            // What a backward needs for its own steps is not in the prediction: it shows where a segment is small.
            Assert.That(found, Is.InRange(0.9 * predicted, 1.6 * predicted), $"every {every}");
        }
    }

    [Test]
    public void The_cheapest_mode_that_fits_is_chosen()
    {
        BlockFootprint[] blocks = [.. Enumerable.Repeat(new BlockFootprint(InputBytes: 10, GraphBytes: 100), 12)];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(ActivationMemory.PredictBytes(blocks, 1), Is.EqualTo(12 * 10 + 100));
            Assert.That(ActivationMemory.PredictBytes(blocks, 5), Is.EqualTo(3 * 10 + 500));
            Assert.That(ActivationMemory.PredictBytes(blocks, int.MaxValue), Is.EqualTo(10 + 1200));
            Assert.That(ActivationMemory.Choose(blocks, samples: 2, 2 * 1210), Is.EqualTo(12), "plain autograd fits");
            Assert.That(ActivationMemory.Choose(blocks, samples: 2, 2 * 1210 - 1), Is.EqualTo(1));
        }
        // Thin graphs beside wide streams: longer segments need less.
        BlockFootprint[] wide = [.. Enumerable.Repeat(new BlockFootprint(InputBytes: 100, GraphBytes: 100), 9)];
        Assert.That(ActivationMemory.Choose(wide, samples: 1, 0), Is.EqualTo(3), "9/k inputs and k graphs");
    }

    [TestCase(0L, ExpectedResult = 1)]
    [TestCase(long.MaxValue, ExpectedResult = 6)]
    public int? An_automatic_choice_is_made_at_first_use_and_kept(long budget)
    {
        // Where tensors are not counted, nobody knows what fits: the choice is the one that takes least.
        _ = budget > 0 ? CountedMemory.CurrentBytes : 0;
        using var world = new ChainWorld();
        var field = new BlockwiseVelocityField(world.Network, GradientCheckpointing.Auto(budget));
        Assert.That(field.SegmentBlocks, Is.Null);
        world.Pull(field);
        return field.SegmentBlocks;
    }

    [Test]
    public void A_pullback_runs_every_block_once_more_but_those_of_the_last_segment()
    {
        using var world = new ChainWorld(blocks: 6);
        Assert.That(Runs(world, GradientCheckpointing.None), Is.EqualTo(6));
        Assert.That(Runs(world, GradientCheckpointing.Blocks), Is.EqualTo(5 + 6));
        Assert.That(Runs(world, GradientCheckpointing.Every(4)), Is.EqualTo(4 + 6));
    }

    [Test]
    public void Frozen_parameters_get_no_gradient_and_the_others_keep_theirs()
    {
        using var world = new ChainWorld();
        var expected = world.Pull(world.Autograd);
        foreach (var frozen in world.Network.EmbedParameters.Concat(world.Network.Blocks[2].Parameters))
        {
            frozen.requires_grad_(false);
        }
        var (parameters, _) = world.Pull(new BlockwiseVelocityField(world.Network));
        for (var i = 0; i < parameters.Length; i++)
        {
            if (world.Network.Parameters[i].requires_grad)
            {
                Assert.That(EquivalenceTests.Distance(parameters[i]!, expected.Parameters[i]!), Is.LessThan(1e-5));
            }
            else
            {
                Assert.That(parameters[i], Is.Null);
            }
        }
    }

    [Test]
    public void Gradients_are_added_to_those_that_are_there_and_nothing_stays_behind()
    {
        using var world = new ChainWorld();
        var field = new BlockwiseVelocityField(world.Network);
        var once = world.Pull(field).Parameters;
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var (handles, bytes) = (NativeMemory.LiveHandles, CountedMemory.CurrentBytes);
        var nothing = field.Vjp(world.Noise, world.Sigma, world.Conditioning, world.Cotangent, false);
        Assert.That(nothing, Is.Null);
        Assert.That(CountedMemory.CurrentBytes, Is.EqualTo(bytes));
        Assert.That(NativeMemory.LiveHandles, Is.LessThanOrEqualTo(handles));
        foreach (var (parameter, first) in world.Network.Parameters.Zip(once))
        {
            double[] doubled = [.. first!.Select(value => 2 * value)];
            Assert.That(EquivalenceTests.Distance(TensorValues.Numbers(parameter.grad!), doubled), Is.LessThan(1e-6));
        }
    }

    [Test]
    public void Parts_of_a_batch_on_several_threads_have_the_gradient_of_one()
    {
        using var workers = new BatchWorkers(3);
        using var world = new ChainWorld(batch: 7, type: ScalarType.Float64);
        var expected = world.Pull(world.Autograd);
        var field = new DataParallelVelocityField(new BlockwiseVelocityField(world.Network), workers);
        var found = world.Pull(field);
        Assert.That(EquivalenceTests.Distance(found.Input, expected.Input), Is.LessThan(1e-12));
        foreach (var (own, reference) in found.Parameters.Zip(expected.Parameters))
        {
            Assert.That(EquivalenceTests.Distance(own!, reference!), Is.LessThan(1e-12));
        }
        Assert.That(world.Pull(field).Parameters, Is.EqualTo(found.Parameters), "to the bit");
    }

    [Test]
    public void Settings_are_read_by_name_or_number()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(GradientCheckpointing.Parse("none"), Is.EqualTo(GradientCheckpointing.None));
            Assert.That(GradientCheckpointing.Parse("blocks"), Is.EqualTo(GradientCheckpointing.Every(1)));
            Assert.That(GradientCheckpointing.Parse("4"), Is.EqualTo(GradientCheckpointing.Every(4)));
            Assert.That(GradientCheckpointing.Parse("auto"), Is.EqualTo(GradientCheckpointing.Blocks));
            Assert.That(GradientCheckpointing.Parse("auto", 10, 2), Is.EqualTo(GradientCheckpointing.Auto(10, 2)));
            Assert.That(() => GradientCheckpointing.Parse("0"), Throws.TypeOf<FormatException>());
            Assert.That(
                () => GradientCheckpointing.Parse("block"),
                Throws.TypeOf<FormatException>().With.Message.Contains("'block'")
            );
        }
    }

    private static int Runs(ChainWorld world, GradientCheckpointing mode)
    {
        var field = new BlockwiseVelocityField(world.Network, mode);
        var before = world.Network.BlockRuns;
        world.Pull(field);
        return world.Network.BlockRuns - before;
    }

    // Peak bytes above what is held anyway; gradients are there already, so that they don't count.
    private static long Activations(ChainWorld world, IVelocityField field)
    {
        world.Pull(field);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = CountedMemory.CurrentBytes;
        CountedMemory.ResetPeak();
        field.Vjp(world.Noise, world.Sigma, world.Conditioning, world.Cotangent, false);
        return CountedMemory.PeakBytes - before;
    }
}
