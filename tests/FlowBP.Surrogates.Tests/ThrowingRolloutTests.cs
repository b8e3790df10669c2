// Whatever throws in the middle of a step, for want of memory as a rule, the step's tensors are given back: a run that catches it and
// goes on, or stores what it has, needs the memory. Held against a step that does not throw, by what is left to the collector.

namespace FlowBP.Surrogates.Tests;

/// <summary>A rollout, a pullback or a part of one that throws leaves no tensor.</summary>
[NonParallelizable] // It counts the tensors of the process.
public class ThrowingRolloutTests
{
    private const int Batch = 4;
    private const int Blocks = 6;
    private static readonly NoiseSchedule Schedule = NoiseSchedule.FlowMatchEuler(8);
    private static readonly BatchPlan Plan = BatchPlan.Shared(
        new SparsePlanner(new()).FromIndices(Schedule, [1, 4, 6]),
        Batch
    );

    [Test]
    public void A_step_that_throws_leaves_as_little_as_one_that_does_not(
        [Values(1, 2)] int threads,
        [Values] bool guided,
        // In the embedding's first block; in a rollout step that is kept; after some were kept; in a pullback.
        [Values(1, 3 * Blocks + 4, 6 * Blocks + 2, 9 * Blocks + 1)] int failsAt
    )
    {
        using var workers = new BatchWorkers(threads);
        var whole = LeftTensors.By(() => Step(workers, guided, int.MaxValue));
        var thrown = LeftTensors.By(() =>
            Assert.That(() => Step(workers, guided, failsAt), Throws.TypeOf<OutOfMemoryException>())
        );
        Assert.That(thrown, Is.LessThanOrEqualTo(whole));
    }

    [Test]
    public void Kept_forwards_that_can_not_be_joined_leave_nothing([Values] bool inTheNegativeBranch)
    {
        var left = LeftTensors.By(() =>
        {
            using var one = Kept(3, inTheNegativeBranch ? Kept(3) : null);
            using var other = Kept(inTheNegativeBranch ? 3 : 2, inTheNegativeBranch ? Kept(2) : null);
            Assert.That(() => KeptForward.Concat([one, other]), Throws.Exception);
        });
        Assert.That(left, Is.Zero);
    }

    [Test]
    public void Rows_of_a_kept_forward_that_are_not_there_leave_nothing()
    {
        var left = LeftTensors.By(() =>
        {
            // The first stream has the rows, the second one has not.
            using KeptForward kept = new([
                [Ones(4, 3)],
                [Ones(2, 3)],
            ]);
            Assert.That(() => kept.Select([2, 3]), Throws.Exception);
            Assert.That(() => kept.Select([3, 0]), Throws.Exception);
        });
        Assert.That(left, Is.Zero);
    }

    [Test]
    public void Parts_whose_gradients_can_not_be_added_leave_nothing()
    {
        using var workers = new BatchWorkers(2);
        var left = LeftTensors.By(() =>
        {
            using var scope = torch.NewDisposeScope();
            var first = torch.ones(3).requires_grad_();
            var second = torch.ones(3).requires_grad_();
            // All of its elements are one: nothing can be added to them in place.
            second.grad = torch.zeros(1).expand(3);
            using var x_B = Ones(Batch, 3);
            var parts = new PartGradients([first, second], workers);
            Assert.That(
                () =>
                    parts.Accumulate(
                        Batch,
                        rows =>
                        {
                            var input = x_B.narrow(0, rows.Start.Value, rows.End.Value - rows.Start.Value)
                                .detach()
                                .requires_grad_();
                            return new((input * first * second).sum(), Input: input);
                        }
                    ),
                Throws.Exception
            );
        });
        Assert.That(left, Is.Zero);
    }

    private static void Step(BatchWorkers workers, bool guided, int failsAt)
    {
        using var world = new ChainWorld(Blocks, Batch, guided: guided);
        var network = new FailingNetwork(world.Network, failsAt);
        var field = new BlockwiseVelocityField(network, GradientCheckpointing.Blocks);
        world.Gradient(
            new GuidedVelocityField(
                workers.Count == 1 ? field : new DataParallelVelocityField(field, workers),
                3.5,
                detachNegative: false
            ),
            Plan,
            new() { Reuse = RolloutReuse.On, Workers = workers.Count == 1 ? null : workers }
        );
    }

    private static KeptForward Kept(int width, KeptForward? negative = null) =>
        new(
            [
                [Ones(2, 3)],
                [Ones(2, 3), Ones(2, width)],
            ],
            negative
        );

    private static Tensor Ones(int rows, int columns) => torch.ones(rows, columns).DetachFromDisposeScope();

    // Throws at a run of a block, counted over the whole step, and at every later one.
    private sealed class FailingNetwork : IBlockwiseNetwork
    {
        private readonly ChainNetwork inner;
        private int runs;

        public FailingNetwork(ChainNetwork inner, int failsAt)
        {
            this.inner = inner;
            Blocks =
            [
                .. inner.Blocks.Select(block =>
                    block with
                    {
                        Apply = streams =>
                            Interlocked.Increment(ref runs) >= failsAt
                                ? throw new OutOfMemoryException("planted")
                                : block.Apply(streams),
                    }
                ),
            ];
        }

        public IReadOnlyList<NetworkBlock> Blocks { get; }

        public IReadOnlyList<Tensor> EmbedParameters => inner.EmbedParameters;

        public IReadOnlyList<Tensor> HeadParameters => inner.HeadParameters;

        public BlockStreams Embed(Tensor x_B, Tensor sigma_B, Conditioning conditioning) =>
            inner.Embed(x_B, sigma_B, conditioning);

        public Tensor Head(BlockStreams streams, IReadOnlyList<long> latentShape) => inner.Head(streams, latentShape);
    }
}
