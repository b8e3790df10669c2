// Pullbacks that start from what the rollout kept are the same pullbacks, with one forward less.

using FlowBP.Settings;

namespace FlowBP.Surrogates.Tests;

/// <summary><c>reuse_rollout_blocks</c>.</summary>
[NonParallelizable] // Some count the bytes of the process.
public class RolloutReuseTests
{
    private const int Batch = 4;
    private static readonly NoiseSchedule Schedule = NoiseSchedule.FlowMatchEuler(8);
    private static readonly ExecutorOptions On = new() { Reuse = RolloutReuse.On };
    private static readonly ExecutorOptions Off = new() { Reuse = RolloutReuse.Off };

    private static IEnumerable<TestCaseData> Plans()
    {
        var sparse = new SparsePlanner(new()).FromIndices(Schedule, [1, 4, 6]);
        var bridge = new BridgePlanner(new()).FromIndices(Schedule, 4, [0, 2], [4, 5]);
        yield return new TestCaseData(BatchPlan.Shared(sparse, Batch)).SetArgDisplayNames("sparse");
        yield return new TestCaseData(BatchPlan.Shared(bridge, Batch)).SetArgDisplayNames("bridge");
        yield return new TestCaseData(
            BatchPlan.Shared(new DRaFTLVPlanner(new(NoisedSamples: 2)).FromIndices(Schedule, 7), Batch)
        ).SetArgDisplayNames("draft-lv, whose copies have no forward in the rollout");
        yield return new TestCaseData(
            BatchPlan.PerSample([
                bridge,
                new BridgePlanner(new()).FromIndices(Schedule, 1, [0], [1, 3, 6, 7]),
                new BridgePlanner(new()).FromIndices(Schedule, 6, [1, 2, 5], [6]),
                bridge,
            ])
        ).SetArgDisplayNames("draws per sample");
    }

    [TestCaseSource(nameof(Plans))]
    public void The_gradient_is_the_same(BatchPlan plan)
    {
        foreach (var guided in new[] { false, true })
        {
            foreach (var detached in new[] { true, false })
            {
                foreach (var mode in new[] { GradientCheckpointing.Blocks, GradientCheckpointing.Every(4) })
                {
                    using var world = new ChainWorld(batch: Batch, guided: guided);
                    var field = new GuidedVelocityField(new BlockwiseVelocityField(world.Network, mode), 3.5, detached);
                    var (expected, none, _) = world.Gradient(field, plan, Off);
                    var (found, kept, _) = world.Gradient(field, plan, On);
                    Assert.That(none, Is.Zero);
                    Assert.That(kept, Is.GreaterThan(0));
                    // To the bit where the pullback's forward has the rollout's batch; a matrix product of another height may
                    // sum in another order.
                    var tolerance = plan.IsShared && !(guided && detached) ? 0 : 1e-6;
                    Assert.That(
                        EquivalenceTests.Distance(found, expected),
                        Is.LessThanOrEqualTo(tolerance),
                        $"guided {guided}, detached {detached}, {mode}"
                    );
                }
            }
        }
    }

    [TestCaseSource(nameof(Plans))]
    public void Chunks_and_threads_do_not_mind(BatchPlan plan)
    {
        using var workers = new BatchWorkers(2);
        using var world = new ChainWorld(batch: Batch, guided: true, type: ScalarType.Float64);
        var options = new ExecutorOptions
        {
            RolloutChunk = 3,
            RewardChunk = 2,
            VjpChunk = 3,
        };
        var blocks = new BlockwiseVelocityField(world.Network);
        var (expected, _, _) = world.Gradient(new GuidedVelocityField(world.Autograd, 3.5), plan, Off);
        foreach (var inner in new IVelocityField[] { blocks, new DataParallelVelocityField(blocks, workers) })
        {
            var field = new GuidedVelocityField(inner, 3.5);
            var (found, kept, _) = world.Gradient(field, plan, options with { Reuse = RolloutReuse.On });
            Assert.That(kept, Is.GreaterThan(0));
            Assert.That(EquivalenceTests.Distance(found, expected), Is.LessThan(1e-12));
        }
    }

    [Test]
    public void Each_pullback_saves_the_forward_of_all_segments_but_the_last()
    {
        using var world = new ChainWorld(blocks: 6, batch: Batch);
        var plan = BatchPlan.Shared(new SparsePlanner(new()).FromIndices(Schedule, [1, 4, 6]), Batch);
        var field = new BlockwiseVelocityField(world.Network);
        int Runs(ExecutorOptions options)
        {
            var before = world.Network.BlockRuns;
            world.Gradient(field, plan, options);
            return world.Network.BlockRuns - before;
        }
        Assert.That(Runs(Off), Is.EqualTo((8 * 6) + (3 * (5 + 6))));
        Assert.That(Runs(On), Is.EqualTo((8 * 6) + (3 * 6)));
    }

    [Test]
    public void Samples_past_the_hinge_are_left_out_of_what_is_reused()
    {
        using var world = new ChainWorld(batch: Batch);
        var plan = BatchPlan.Shared(new BridgePlanner(new()).FromIndices(Schedule, 4, [0, 2], [4, 5]), Batch);
        var field = new BlockwiseVelocityField(world.Network);
        // Between the scores: two of four are good enough.
        var whole = world.Gradient(field, plan, Off);
        var hinge = new HingeLoss(Threshold: whole.Scores.Order().Skip(1).Take(2).Average());
        var expected = world.Gradient(field, plan, Off, hinge).Gradient;
        Assert.That(EquivalenceTests.Distance(expected, whole.Gradient), Is.GreaterThan(1e-2));
        Assert.That(
            EquivalenceTests.Distance(world.Gradient(field, plan, On, hinge).Gradient, expected),
            Is.LessThan(1e-6)
        );
    }

    [Test]
    public void Only_the_conditional_half_is_kept_where_the_negative_branch_is_detached()
    {
        using var world = new ChainWorld(blocks: 6, batch: Batch, elements: 12, width: 6, guided: true);
        var plan = BatchPlan.Shared(new SparsePlanner(new()).FromIndices(Schedule, [1, 4, 6]), Batch);
        long Kept(bool detach) =>
            world
                .Gradient(new GuidedVelocityField(new BlockwiseVelocityField(world.Network), 3.5, detach), plan, On)
                .KeptBytes;
        // Inputs of blocks 1 … 5: the tokens, and before the streams join (blocks 1 and 2) the second stream.
        var perSample = ((5 * 12 * 6) + (2 * 6)) * sizeof(float);
        Assert.That(Kept(detach: true), Is.EqualTo(3 * Batch * perSample));
        Assert.That(Kept(detach: false), Is.EqualTo(2 * 3 * Batch * perSample));
    }

    [Test]
    public void An_automatic_choice_keeps_what_fits_and_otherwise_nothing()
    {
        using var world = new ChainWorld(batch: Batch);
        var plan = BatchPlan.Shared(new SparsePlanner(new()).FromIndices(Schedule, [1, 4, 6]), Batch);
        var field = new BlockwiseVelocityField(world.Network);
        var (expected, all, _) = world.Gradient(field, plan, On);
        long Kept(long? budget)
        {
            var (gradient, kept, _) = world.Gradient(field, plan, new() { KeptBytesBudget = budget });
            Assert.That(gradient, Is.EqualTo(expected), "the choice changes nothing");
            return kept;
        }
        Assert.That(Kept(all), Is.EqualTo(all));
        Assert.That(Kept(all - 1), Is.Zero);
        Assert.That(Kept(null), Is.Zero);
    }

    [Test]
    public void A_field_without_blocks_is_refused_by_on_and_served_by_auto()
    {
        using var world = new ChainWorld(batch: Batch);
        var plan = BatchPlan.Shared(new SparsePlanner(new()).FromIndices(Schedule, [3]), Batch);
        var whole = new BlockwiseVelocityField(world.Network, GradientCheckpointing.None);
        foreach (var field in new IVelocityField[] { world.Autograd, whole, new GuidedVelocityField(whole, 2) })
        {
            Assert.That(
                () => new SurrogateExecutor(field, Schedule, new CpuLatentKernels(), On),
                Throws.TypeOf<InvalidSettingException>().With.Message.Contains("gradient_checkpointing"),
                "before anything is computed"
            );
            Assert.That(world.Gradient(field, plan, new() { KeptBytesBudget = long.MaxValue }).KeptBytes, Is.Zero);
        }
    }

    [Test]
    public void What_was_kept_goes_with_the_rollout()
    {
        using var world = new ChainWorld(batch: Batch, guided: true);
        var plan = BatchPlan.Shared(new SparsePlanner(new()).FromIndices(Schedule, [1, 4, 6]), Batch);
        var field = new GuidedVelocityField(new BlockwiseVelocityField(world.Network), 3.5, detachNegative: false);
        world.Gradient(field, plan, On);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = CountedMemory.CurrentBytes;
        world.Gradient(field, plan, On);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.That(CountedMemory.CurrentBytes, Is.EqualTo(before));
    }

    // With kept inputs nothing else of a pullback grows with the blocks, so cotangents that stayed would be seen.
    [Test]
    public void Cotangents_of_segments_are_freed_as_the_pullback_moves_on()
    {
        using var world = new ChainWorld(blocks: 20);
        var watched = new Watched(world.Network);
        var field = new BlockwiseVelocityField(watched);
        var trace = new ForwardTrace([0, 1, 2, 3]);
        using var velocity = field.Evaluate(world.Noise, world.Sigma, world.Conditioning, trace);
        using var kept = trace.Kept!;
        // The second time the parameters' gradients are there already.
        for (var run = 0; run < 2; run++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            watched.Handles.Clear();
            using var gradient = field.Vjp(
                world.Noise,
                world.Sigma,
                world.Conditioning,
                world.Cotangent,
                wantInputGradient: true,
                kept
            );
        }
        // The last blocks have one stream, the first ones two, which are two leaves and two cotangents.
        Assert.That(watched.Handles, Has.Count.EqualTo(20));
        Assert.That(watched.Handles.Max() - watched.Handles.Min(), Is.LessThan(8));
    }

    // Counts the tensors that are alive whenever a block begins.
    private sealed class Watched : IBlockwiseNetwork
    {
        private readonly IBlockwiseNetwork network;

        public Watched(IBlockwiseNetwork network)
        {
            this.network = network;
            Blocks =
            [
                .. network.Blocks.Select(block =>
                    block with
                    {
                        Apply = streams =>
                        {
                            Handles.Add(NativeMemory.LiveHandles);
                            return block.Apply(streams);
                        },
                    }
                ),
            ];
        }

        public List<long> Handles { get; } = [];

        public IReadOnlyList<NetworkBlock> Blocks { get; }

        public IReadOnlyList<Tensor> EmbedParameters => network.EmbedParameters;

        public IReadOnlyList<Tensor> HeadParameters => network.HeadParameters;

        public BlockStreams Embed(Tensor x_B, Tensor sigma_B, Conditioning conditioning) =>
            network.Embed(x_B, sigma_B, conditioning);

        public Tensor Head(BlockStreams streams, IReadOnlyList<long> latentShape) => network.Head(streams, latentShape);
    }
}
