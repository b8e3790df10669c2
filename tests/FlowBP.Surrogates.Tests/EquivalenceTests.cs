// Methods that coincide, and the executor against graphs that hold everything at once.

namespace FlowBP.Surrogates.Tests;

/// <summary>Equalities between methods, and with autograd.</summary>
public class EquivalenceTests
{
    private static readonly NoiseSchedule Schedule = NoiseSchedule.FlowMatchEuler(8);

    private static IEnumerable<SurrogatePlan> Plans()
    {
        var refl = new ReFLPlanner(new());
        var drtune = new DRTunePlanner(new());
        yield return refl.FromIndices(Schedule, 5);
        yield return drtune.FromIndices(Schedule, 6, [0, 3, 6]);
        yield return drtune.FromIndices(Schedule, 6, [1, 3, 5]);
        yield return new DRTunePlanner(new(TweedieAlwaysActive: false)).FromIndices(Schedule, 6, [1, 3, 5]);
        yield return new EndpointPlanner(refl).FromPlan(Schedule, refl.FromIndices(Schedule, 5));
        yield return new EndpointPlanner(drtune).FromPlan(Schedule, drtune.FromIndices(Schedule, 6, [0, 3, 6]));
        yield return new LeapAlignPlanner(new()).FromIndices(Schedule, 2, 5);
        yield return new SparsePlanner(new()).FromIndices(Schedule, [1, 4, 7]);
        yield return new BridgePlanner(new() { GradRescale = 1 }).FromIndices(Schedule, 4, [0, 3], [4, 6]);
        yield return new LagrangePlanner(new() { GradRescale = 0.5, AnchorBlend = 0.5 }).FromIndices(Schedule, 0, 4);
        yield return new LagrangePlanner(
            new()
            {
                ActiveSupports = SupportMode.All,
                MaxActiveSupports = null,
                Alpha = 0.7,
            }
        ).FromIndices(Schedule, 1, 4);
        yield return new LagrangePlanner(
            new()
            {
                Rule = LeapRule.AdamsBashforth,
                ActiveSupports = SupportMode.All,
                MaxActiveSupports = null,
                Alpha = 0.7,
            }
        ).FromIndices(Schedule, 3, 5);
        yield return new FullPlanner().FromIndices(Schedule);
    }

    [TestCaseSource(nameof(Plans))]
    public void The_executor_equals_autograd_over_the_whole_surrogate_graph(SurrogatePlan plan)
    {
        using var world = new World();
        Assert.That(Distance(world.Gradient(plan), world.ReferenceGradient(plan)), Is.LessThan(1e-12));
    }

    [TestCaseSource(nameof(Plans))]
    public void It_does_so_in_float32_to_1e_6(SurrogatePlan plan)
    {
        using var world = new World(type: ScalarType.Float32);
        Assert.That(Distance(world.Gradient(plan), world.ReferenceGradient(plan)), Is.LessThan(1e-6));
    }

    [TestCaseSource(nameof(Plans))]
    public void It_does_so_with_both_branches_of_guidance(SurrogatePlan plan)
    {
        using var world = new World(guided: true);
        foreach (var detach in new[] { true, false })
        {
            var field = new GuidedVelocityField(new AutogradVelocityField(world.Network.Forward), 3.5, detach);
            Tensor Forward(Tensor x_B, Tensor sigma_B, Conditioning c)
            {
                var positive = world.Network.Forward(x_B, sigma_B, c);
                var negative = world.Network.Forward(x_B, sigma_B, c.Negative!);
                negative = detach ? negative.detach() : negative;
                return negative + (positive - negative) * 3.5;
            }

            world.ClearGradients();
            var inputs = world.Inputs(plan);
            var executor = world.Executor(field);
            using var rollout = executor.Rollout(inputs);
            var weights = executor.Weigh(inputs, rollout);
            new ReferenceSurrogate(Forward, world.Schedule).Backward(
                inputs,
                rollout,
                weights,
                world.Reward,
                world.Hinge
            );
            var reference = world.Gradients();
            Assert.That(Distance(world.Gradient(plan, field), reference), Is.LessThan(1e-12), $"detached: {detach}");
        }
    }

    [Test]
    public void Full_backpropagation_equals_autograd_through_the_rollout_itself()
    {
        using var world = new World();
        var found = world.Gradient(new FullPlanner().FromIndices(Schedule));
        Assert.That(Distance(found, ThroughTheRollout(world, Schedule)), Is.LessThan(1e-12));
    }

    [Test]
    public void Bridge_over_two_steps_with_alpha_one_is_full_backpropagation()
    {
        using var world = new World(steps: 2);
        var plan = new BridgePlanner(new() { Alpha = 1 }).FromIndices(world.Schedule, 1, [0], [1]);
        Assert.That(Distance(world.Gradient(plan), ThroughTheRollout(world, world.Schedule)), Is.LessThan(1e-12));
    }

    [TestCase(0.0)]
    [TestCase(0.5)]
    public void Bridge_with_alpha_zero_equals_sparse_on_the_same_active_set(double rescale)
    {
        using var world = new World();
        var bridge = new BridgePlanner(new() { Alpha = 0, GradRescale = rescale }).FromIndices(
            Schedule,
            4,
            [1, 3],
            [4, 7]
        );
        var sparse = new SparsePlanner(new(GradRescale: rescale)).FromIndices(Schedule, [1, 3, 4, 7]);
        Assert.That(Distance(world.Gradient(bridge), world.Gradient(sparse)), Is.LessThan(1e-14));
    }

    [Test]
    public void Lagrange_with_one_support_equals_leapalign()
    {
        using var world = new World();
        var sampler = new LeapSampler();
        var lagrange = new LagrangePlanner(
            new()
            {
                Order = 1,
                Alpha = 0.3,
                Tau = 0.1,
                GradRescale = 1,
                Sampler = sampler,
            }
        );
        var leapAlign = new LeapAlignPlanner(
            new()
            {
                Alpha = 0.3,
                Tau = 0.1,
                Sampler = sampler,
            }
        );
        foreach (var (k, j) in new[] { (0, 1), (2, 5), (6, 7) })
        {
            var found = world.Gradient(lagrange.FromIndices(Schedule, k, j));
            Assert.That(Distance(found, world.Gradient(leapAlign.FromIndices(Schedule, k, j))), Is.LessThan(1e-14));
        }
    }

    [Test]
    public void Sparse_with_every_step_and_no_rescale_is_the_detached_full_sum()
    {
        using var world = new World();
        var every = Enumerable.Range(0, Schedule.Steps).ToArray();
        var sparse = new SparsePlanner(new(ActiveSteps: 8, GradRescale: 0)).FromIndices(Schedule, every);
        var detached = new FullPlanner().FromIndices(Schedule);
        detached = detached with { ActiveSteps = [.. detached.ActiveSteps.Select(step => step with { Bridge = 0 })] };
        Assert.That(Distance(world.Gradient(sparse), world.Gradient(detached)), Is.LessThan(1e-14));
        // With every step active there is nothing to rescale.
        var rescaled = new SparsePlanner(new(ActiveSteps: 8, GradRescale: 1)).FromIndices(Schedule, every);
        Assert.That(Distance(world.Gradient(sparse), world.Gradient(rescaled)), Is.LessThan(1e-14));
    }

    [Test]
    public void DRaFT_without_copies_is_ReFL_at_the_last_step()
    {
        using var world = new World();
        var draft = new DRaFTLVPlanner(new(NoisedSamples: 0)).FromIndices(Schedule, 7);
        var refl = new ReFLPlanner(new()).FromIndices(Schedule, 7);
        Assert.That(world.Gradient(draft), Is.EqualTo(world.Gradient(refl)));
    }

    [Test]
    public void DRTune_on_its_stop_alone_is_ReFL()
    {
        using var world = new World();
        var drtune = new DRTunePlanner(new()).FromIndices(Schedule, 5, [5]);
        var refl = new ReFLPlanner(new()).FromIndices(Schedule, 5);
        Assert.That(world.Gradient(drtune), Is.EqualTo(world.Gradient(refl)));
    }

    /// <summary>Largest difference over the largest reference number.</summary>
    public static double Distance(double[] actual, double[] expected)
    {
        Assert.That(expected.Max(Math.Abs), Is.GreaterThan(0), "a gradient of zeros would prove nothing");
        return actual.Zip(expected).Max(pair => Math.Abs(pair.First - pair.Second)) / expected.Max(Math.Abs);
    }

    private static double[] ThroughTheRollout(World world, NoiseSchedule schedule)
    {
        world.ClearGradients();
        using var scope = torch.NewDisposeScope();
        var x_B = world.Noise;
        for (var i = 0; i < schedule.Steps; i++)
        {
            var time_B = torch.full([world.Batch], schedule.NetworkTime(i), world.Type);
            x_B = x_B + world.Network.Forward(x_B, time_B, world.Conditioning) * schedule.StepSize(i);
        }
        var loss = (world.Hinge.Threshold - world.Reward.Score(x_B, world.Conditioning)).clamp(min: 0).mean();
        loss.backward();
        return world.Gradients();
    }
}
