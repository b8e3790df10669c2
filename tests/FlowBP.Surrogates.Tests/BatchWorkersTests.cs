namespace FlowBP.Surrogates.Tests;

/// <summary>A batch on several threads is the batch on one: the same numbers, the same bits every time, the same errors.</summary>
[NonParallelizable] // They set the threads of matrix products for the whole process.
public class BatchWorkersTests
{
    private const int Batch = 7;
    private static readonly NoiseSchedule Schedule = NoiseSchedule.FlowMatchEuler(8);

    private static IEnumerable<SurrogatePlan> Plans =>
        [
            new BridgePlanner(new()).FromIndices(Schedule, 4, [0, 2], [4, 5]),
            new DRaFTLVPlanner(new(NoisedSamples: 3)).FromIndices(Schedule, 7),
            new FullPlanner().FromIndices(Schedule),
        ];

    [TestCaseSource(nameof(Plans))]
    public void The_gradient_is_that_of_one_thread(SurrogatePlan plan)
    {
        using var alone = new World(Batch, guided: true);
        var expected = alone.Gradient(plan, Guided(new AutogradVelocityField(alone.Network.Forward)));
        foreach (var count in new[] { 1, 2, 3, 9 })
        {
            using var workers = new BatchWorkers(count);
            using var world = new World(Batch, guided: true) { Options = new() { Workers = workers } };
            var found = world.Gradient(plan, Guided(Shared(world, workers)));
            Assert.That(EquivalenceTests.Distance(found, expected), Is.LessThan(1e-13), $"{count} workers");
        }
    }

    [Test]
    public void Which_thread_finishes_first_changes_no_bit()
    {
        using var workers = new BatchWorkers(3);
        using var world = new World(Batch, type: ScalarType.Float32) { Options = new() { Workers = workers } };
        // A part that starts late in one run starts early in another.
        var delay = new Random(5);
        var field = new DataParallelVelocityField(
            new AutogradVelocityField(
                (x, sigma, conditioning) =>
                {
                    Thread.Sleep(delay.Next(3));
                    return world.Network.Forward(x, sigma, conditioning);
                }
            ),
            world.Network.Parameters.Values,
            workers
        );
        var plan = new SparsePlanner(new()).FromIndices(Schedule, [1, 4, 6]);
        var first = world.Gradient(plan, field);
        for (var run = 0; run < 5; run++)
        {
            Assert.That(world.Gradient(plan, field), Is.EqualTo(first));
        }
    }

    [Test]
    public void Gradients_are_added_to_those_that_are_there()
    {
        using var workers = new BatchWorkers(2);
        using var world = new World(Batch);
        var field = Shared(world, workers);
        using var sigma_B = torch.full([Batch], 0.5, ScalarType.Float64);
        foreach (var _ in Enumerable.Range(0, 2))
        {
            var nothing = field.Vjp(world.Noise, sigma_B, world.Conditioning, world.Noise, wantInputGradient: false);
            Assert.That(nothing, Is.Null);
        }
        using var twice = world.Network.Parameters["b2"].grad;
        // ∂v/∂b2 is the identity.
        using var expected = world.Noise.flatten(1).sum([0L]) * 2;
        Assert.That((twice! - expected).abs().max().ToDouble(), Is.LessThan(1e-13));
    }

    [Test]
    public void A_parameter_that_the_function_ignores_keeps_no_gradient()
    {
        using var workers = new BatchWorkers(2);
        using var world = new World(Batch);
        using var unused = torch.ones(3, dtype: ScalarType.Float64).requires_grad_(true);
        var field = new DataParallelVelocityField(
            new AutogradVelocityField((x, _, _) => world.Network.Parameters["b2"].sum() * torch.ones_like(x)),
            [.. world.Network.Parameters.Values, unused],
            workers
        );
        using var sigma_B = torch.full([Batch], 0.5, ScalarType.Float64);
        using var input = field.Vjp(world.Noise, sigma_B, world.Conditioning, world.Noise, wantInputGradient: true);
        Assert.That(unused.grad, Is.Null);
        Assert.That(input!.abs().max().ToDouble(), Is.Zero, "x is ignored too");
    }

    [Test]
    public void A_failure_arrives_as_the_tasks_own_exception_and_leaves_the_workers_usable()
    {
        using var workers = new BatchWorkers(2);
        Func<int>[] tasks = [() => 1, () => throw new InvalidDataException("second"), () => throw new IOException()];
        Assert.That(() => workers.Run(tasks), Throws.InstanceOf<InvalidDataException>().With.Message.EqualTo("second"));
        Assert.That(workers.Run<int>([() => 4, () => 5, () => 6]), Is.EqualTo(new[] { 4, 5, 6 }));
        Assert.That(workers.Run<int>([]), Is.Empty);
    }

    [TestCase(1, ExpectedResult = new[] { 1 })]
    [TestCase(3, ExpectedResult = new[] { 1, 1, 1 })]
    [TestCase(10, ExpectedResult = new[] { 2, 3, 2, 3 })]
    public int[] Parts_differ_by_one_row_at_most(int rows)
    {
        using var workers = new BatchWorkers(4);
        var parts = workers.Parts(rows);
        Assert.That(parts[0].Start.Value, Is.Zero);
        Assert.That(parts.Skip(1).Select(part => part.Start), Is.EqualTo(parts.SkipLast(1).Select(part => part.End)));
        Assert.That(parts[^1].End.Value, Is.EqualTo(rows));
        return [.. parts.Select(part => part.End.Value - part.Start.Value)];
    }

    [Test]
    public void Matrix_products_have_one_thread_while_there_are_workers_and_their_own_afterwards()
    {
        var before = BlasThreads.Count;
        using (new BatchWorkers(2))
        {
            Assert.That(BlasThreads.Count, Is.AnyOf(null, 1));
        }
        Assert.That(BlasThreads.Count, Is.EqualTo(before));
    }

    [Test]
    public void Operators_of_a_worker_have_one_thread_and_those_of_others_keep_theirs()
    {
        var before = torch.get_num_threads();
        using var workers = new BatchWorkers(2);
        Assert.That(workers.Run<int>([torch.get_num_threads, torch.get_num_threads]), Is.EqualTo(new[] { 1, 1 }));
        Assert.That(torch.get_num_threads(), Is.EqualTo(before));
    }

    private static DataParallelVelocityField Shared(World world, BatchWorkers workers) =>
        new(new AutogradVelocityField(world.Network.Forward), world.Network.Parameters.Values, workers);

    private static GuidedVelocityField Guided(IVelocityField field) => new(field, 3.5, detachNegative: false);
}
