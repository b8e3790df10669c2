using FlowBP.RandomStreams;

namespace FlowBP.Surrogates.Tests;

/// <summary>Plans as values: weights, diagnostics, and what they need of a rollout.</summary>
public class PlanTests
{
    private static readonly NoiseSchedule Schedule = NoiseSchedule.FlowMatchEuler(25);

    [Test]
    public void Nested_depth_tells_detached_bridged_and_full_apart()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(new SparsePlanner(new()).FromIndices(Schedule, [3, 20]).NestedDepth, Is.Zero);
            Assert.That(new BridgePlanner(new()).FromIndices(Schedule, 9, [3], [9, 20]).NestedDepth, Is.EqualTo(1));
            Assert.That(new LeapAlignPlanner(new()).FromIndices(Schedule, 3, 9).NestedDepth, Is.EqualTo(1));
            Assert.That(new LagrangePlanner(new()).FromIndices(Schedule, 3, 9).NestedDepth, Is.EqualTo(1));
            Assert.That(new FullPlanner().FromIndices(Schedule).NestedDepth, Is.EqualTo(24));
        }
    }

    [Test]
    public void Coverage_is_the_share_of_the_path_that_active_steps_walk()
    {
        Assert.That(new FullPlanner().FromIndices(Schedule).Coverage(Schedule), Is.EqualTo(1).Within(1e-12));
        var sparse = new SparsePlanner(new()).FromIndices(Schedule, [23, 24]);
        Assert.That(sparse.Coverage(Schedule), Is.EqualTo(Schedule.Sigmas[23]).Within(1e-12));
    }

    [Test]
    public void Full_rescale_makes_the_active_weights_add_up_to_the_whole_path()
    {
        var plan = new SparsePlanner(new(GradRescale: 1)).FromIndices(Schedule, [5, 17, 24]);
        Assert.That(plan.ActiveSteps.Sum(step => step.Weight), Is.EqualTo(-1).Within(1e-12));
    }

    [Test]
    public void A_rescale_over_next_to_no_active_weight_is_left_off() =>
        Assert.That(GradientRescale.Factor(1, 1, 1e-12), Is.EqualTo(1));

    [Test]
    public void Rescale_in_a_tail_window_counts_the_window_alone()
    {
        var plan = new SparsePlanner(new(GradRescale: 1, TailRatio: 0.6)).FromIndices(Schedule, [12, 20]);
        Assert.That(plan.ActiveSteps.Sum(step => step.Weight), Is.EqualTo(-Schedule.Sigmas[10]).Within(1e-12));
    }

    [Test]
    public void The_split_is_the_last_of_its_leap_and_alone_bridges()
    {
        var plan = new LagrangePlanner(
            new()
            {
                Rule = LeapRule.AdamsBashforth,
                ActiveSupports = SupportMode.All,
                MaxActiveSupports = null,
            }
        ).FromIndices(Schedule, 6, 10);
        // Post supports 8, 9, 10 reach back across the split; they still receive g, so they come before its bridge.
        Assert.That(plan.ActiveSteps.Select(step => step.Index), Is.EqualTo(new[] { 9, 8, 10, 6, 5, 4 }));
        Assert.That(plan.ActiveSteps.Select(step => step.Bridge), Is.EqualTo(new[] { 0, 0, 0.1, 0, 0, 0 }));
    }

    [Test]
    public void Without_active_supports_only_the_euler_part_of_a_blend_is_alive()
    {
        var settings = new LagrangeSettings { ActiveSupports = SupportMode.None, AnchorBlend = 0.25 };
        var plan = new LagrangePlanner(settings).FromIndices(Schedule, 6, 10);
        var interval = Schedule.Sigmas[10] - Schedule.Sigmas[6];
        Assert.That(plan.ActiveSteps, Is.EqualTo(new[] { new ActiveStep(6, 0.75 * interval) }));
        Assert.That(
            new LagrangePlanner(settings with { AnchorBlend = 1 }).FromIndices(Schedule, 6, 10).ActiveSteps,
            Is.Empty
        );
    }

    [Test]
    public void Wrong_signs_are_reported_as_a_share_of_the_leaps()
    {
        var wrong = Enumerable
            .Range(1, 24)
            .SelectMany(j => Enumerable.Range(0, j).Select(k => new LagrangePlanner(new()).FromIndices(Schedule, k, j)))
            .ToArray();
        Assert.That(wrong.Select(plan => plan.NegativeWeightFraction), Has.Some.GreaterThan(0));
        var positive = new LagrangePlanner(new() { Rule = LeapRule.LagrangePositive });
        Assert.That(
            Enumerable.Range(1, 24).Select(j => positive.FromIndices(Schedule, 0, j).NegativeWeightFraction),
            Is.All.Zero
        );
    }

    [Test]
    public void A_bridge_whose_split_is_not_active_is_refused() =>
        Assert.That(
            () => new BridgePlanner(new()).FromIndices(Schedule, 9, [3], [12]),
            Throws.ArgumentException.With.Message.Contains("split 9")
        );

    [Test]
    public void A_bridge_rescaled_per_segment_restores_each_side_and_leaves_the_split_alone()
    {
        var settings = new BridgeSettings { GradRescale = 1, RescaleRange = RescaleRange.Segments };
        var plan = new BridgePlanner(settings).FromIndices(Schedule, 9, [3, 6], [9, 20]);
        var weights = plan.ActiveSteps.ToDictionary(step => step.Index, step => step.Weight);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(weights[3] + weights[6], Is.EqualTo(Schedule.Sigmas[9] - 1).Within(1e-12));
            Assert.That(weights[9], Is.EqualTo(Schedule.StepSize(9)), "the split's own step");
            var active = Schedule.StepSize(9) + Schedule.StepSize(20);
            Assert.That(
                weights[20],
                Is.EqualTo(-Schedule.Sigmas[9] / active * Schedule.StepSize(20)).Within(1e-12),
                "the factor of the segment, on a regular step"
            );
            Assert.That(plan.Rescale.Keys, Is.EquivalentTo(new[] { "gamma_pre", "gamma_post" }));
        }
        var window = new BridgePlanner(settings with { RescaleRange = RescaleRange.Window });
        Assert.That(
            window.FromIndices(Schedule, 9, [3, 6], [9, 20]).ActiveSteps.Sum(step => step.Weight),
            Is.EqualTo(-1).Within(1e-12)
        );
    }

    [Test]
    public void Per_batch_draws_are_shared_and_per_sample_draws_are_not()
    {
        RandomStream Stream(int b) => RandomStream.For(1, 0, b, RandomPurpose.Indices);
        var planner = MethodRegistry.Get("flowbp-sparse").Create([]);
        Assert.That(BatchPlan.Draw(planner, Schedule, 8, DrawScope.PerBatch, Stream).IsShared, Is.True);
        var own = BatchPlan.Draw(planner, Schedule, 8, DrawScope.PerSample, Stream);
        Assert.That(
            own.Samples.Select(plan => string.Join(',', plan.Indices["active"])).Distinct().Count(),
            Is.GreaterThan(4)
        );
    }
}
