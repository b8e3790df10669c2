// Shape legend: B batch, … the dimensions of one latent.

using FlowBP.Settings;

namespace FlowBP.Surrogates.Tests;

/// <summary>What the anchor adds to a gradient, what it costs, and what it leaves as it was.</summary>
public class AnchorTests
{
    private static readonly NoiseSchedule Schedule = NoiseSchedule.FlowMatchEuler(8);
    private static readonly VelocityAnchor Both = new(Weight: 0.7, NormHingeWeight: 2, NormHingeMargin: 0.01);

    private static IEnumerable<SurrogatePlan> Plans()
    {
        yield return new SparsePlanner(new()).FromIndices(Schedule, [1, 4, 7]);
        yield return new ReFLPlanner(new()).FromIndices(Schedule, 5);
        yield return new DRaFTLVPlanner(new(NoisedSamples: 2)).FromIndices(Schedule, 7);
        yield return new LeapAlignPlanner(new()).FromIndices(Schedule, 2, 5);
        yield return new BridgePlanner(new() { GradRescale = 1 }).FromIndices(Schedule, 4, [0, 3], [4, 6]);
        yield return new LagrangePlanner(new() { ActiveSupports = SupportMode.All, Alpha = 0.7 }).FromIndices(
            Schedule,
            1,
            4
        );
        yield return new LagrangePlanner(
            new() { Rule = LeapRule.AdamsBashforth, ActiveSupports = SupportMode.All }
        ).FromIndices(Schedule, 2, 4);
        yield return new FullPlanner().FromIndices(Schedule);
    }

    [TestCaseSource(nameof(Plans))]
    public void It_adds_the_gradient_of_its_loss_with_constant_states_and_nothing_else(SurrogatePlan plan)
    {
        using var world = new World();
        using var reference = new World(seed: 2);
        var inputs = world.Inputs(plan);
        var without = world.Gradient(inputs);
        var (with, anchor) = Gradient(world, reference, inputs, Both);
        var (expected, loss) = ByAutograd(world, reference, inputs, Both);
        using (anchor)
        {
            Assert.That(anchor.Loss, Is.EqualTo(loss).Within(1e-12));
            Assert.That(anchor.NormHinges.Count(hinge => hinge > 0), Is.GreaterThan(0));
        }
        Assert.That(
            EquivalenceTests.Distance([.. with.Zip(without, (sum, own) => sum - own)], expected),
            Is.LessThan(1e-11)
        );
    }

    [Test]
    public void It_takes_a_product_of_its_own_only_where_a_bridge_is_crossed()
    {
        using var world = new World();
        using var reference = new World(seed: 2);
        var field = new CountingField(new AutogradVelocityField(world.Network.Forward));
        var asked = new CountingField(new AutogradVelocityField(reference.Network.Forward));
        var plan = new BridgePlanner(new()).FromIndices(Schedule, 4, [0, 3], [4, 6]);
        Gradient(world, reference, world.Inputs(plan), Both, field, asked).Anchor.Dispose();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(field.PulledBatches.Order(), Is.EqualTo(new[] { 3, 3, 3, 3, 3 }), "a second one at the split");
            Assert.That(asked.EvaluatedBatches, Is.EqualTo(new[] { 12 }), "all four steps at once");
            Assert.That(asked.PulledBatches, Is.Empty);
        }
    }

    [Test]
    public void Samples_past_the_hinge_are_held_as_the_others_are()
    {
        using var world = new World() { Hinge = new(Threshold: -1000) };
        using var reference = new World(seed: 2);
        var inputs = world.Inputs(new BridgePlanner(new()).FromIndices(Schedule, 4, [0, 3], [4, 6]));
        Assert.That(world.Gradient(inputs), Is.All.Zero);
        var (found, anchor) = Gradient(world, reference, inputs, Both);
        anchor.Dispose();
        var (expected, _) = ByAutograd(world, reference, inputs, Both);
        Assert.That(EquivalenceTests.Distance(found, expected), Is.LessThan(1e-11));
    }

    [Test]
    public void Samples_that_the_filter_leaves_out_are_held_too()
    {
        using var world = new World();
        using var reference = new World(seed: 2);
        var planner = new LeapAlignPlanner(new() { Filter = new(MaxSplitDeviation: 1e-6, null) });
        var inputs = world.Inputs(planner.FromIndices(Schedule, 1, 5));
        var (found, anchor) = Gradient(world, reference, inputs, Both);
        anchor.Dispose();
        // None is kept, so the mean is over all.
        var (expected, _) = ByAutograd(world, reference, inputs, Both);
        Assert.That(EquivalenceTests.Distance(found, expected), Is.LessThan(1e-11));
    }

    [Test]
    public void A_sample_weighs_the_same_whatever_its_number_of_active_steps()
    {
        using var world = new World();
        using var reference = new World(seed: 2);
        var planner = new SparsePlanner(new());
        SurrogatePlan[] plans =
        [
            planner.FromIndices(Schedule, [2]),
            planner.FromIndices(Schedule, [1, 4, 7]),
            planner.FromIndices(Schedule, [0, 5]),
        ];
        var inputs = world.Inputs(BatchPlan.PerSample(plans));
        var (with, anchor) = Gradient(world, reference, inputs, Both);
        using (anchor)
        {
            double[] expected =
            [
                .. plans.Select(
                    (plan, b) =>
                        0.7
                        * anchor
                            .Pairs.Zip(anchor.SquaredDifferences)
                            .Where(each => each.First.Sample == b)
                            .Average(each => each.Second)
                ),
            ];
            Assert.That(anchor.DistanceLoss, Is.EqualTo(expected.Average()).Within(1e-13));
        }
        var (gradient, _) = ByAutograd(world, reference, inputs, Both);
        var without = world.Gradient(inputs);
        Assert.That(
            EquivalenceTests.Distance([.. with.Zip(without, (sum, own) => sum - own)], gradient),
            Is.LessThan(1e-11)
        );
    }

    [Test]
    public void Chunks_change_nothing_and_a_global_count_divides()
    {
        using var whole = new World();
        using var cut = new World()
        {
            Options = new() { RolloutChunk = 2, VjpChunk = 2 },
        };
        using var reference = new World(seed: 2);
        var plan = new BridgePlanner(new()).FromIndices(Schedule, 4, [0, 3], [4, 6]);
        var (one, first) = Gradient(whole, reference, whole.Inputs(plan), Both);
        var (other, second) = Gradient(cut, reference, cut.Inputs(plan), Both);
        var (_, third) = Gradient(whole, reference, whole.Inputs(plan), Both, count: 12);
        var (_, divided) = Gradient(whole, reference, whole.Inputs(plan), Both with { GradientDivisor = 4 });
        using (first)
        using (second)
        using (third)
        using (divided)
        using (Assert.EnterMultipleScope())
        {
            Assert.That(EquivalenceTests.Distance(other, one), Is.LessThan(1e-13));
            Assert.That(third.Loss, Is.EqualTo(first.Loss / 4).Within(1e-14));
            Assert.That(divided.Loss, Is.EqualTo(first.Loss));
            Assert.That(
                TensorValues.Numbers(third.Cotangent_P!),
                Is.EqualTo(TensorValues.Numbers(divided.Cotangent_P!)).Within(1e-15)
            );
            Assert.That(
                TensorValues.Numbers(third.Cotangent_P!),
                Is.EqualTo(TensorValues.Numbers(first.Cotangent_P!).Select(value => value / 4)).Within(1e-15)
            );
        }
    }

    [TestCase(ScalarType.Float64)]
    [TestCase(ScalarType.BFloat16)]
    public void A_field_that_is_its_own_reference_is_compared_and_left_alone(ScalarType type)
    {
        using var world = new World(type: type == ScalarType.Float64 ? type : ScalarType.Float32);
        var stored = new ExecutorOptions { Storage = type };
        var inputs = world.Inputs(new BridgePlanner(new()).FromIndices(Schedule, 4, [0, 3], [4, 6]));
        double[] Run(VelocityAnchor? anchor, Action<SurrogateReport> look)
        {
            world.ClearGradients();
            var field = new AutogradVelocityField((x_B, t_B, c) => world.Network.Forward(x_B.to(world.Type), t_B, c));
            var executor = new SurrogateExecutor(
                field,
                Schedule,
                new CpuLatentKernels(),
                stored,
                anchor,
                anchor is null ? null : field
            );
            using var rollout = executor.Rollout(inputs);
            var weights = executor.Weigh(inputs, rollout);
            using var gradient = executor.RewardGradient(inputs, rollout, weights, world.Reward, world.Hinge);
            using var compared = executor.Anchor(inputs, rollout, weights);
            var products = executor.AccumulateGradients(inputs, rollout, gradient, compared);
            look(SurrogateReport.Of(Schedule, inputs.Plan, rollout, weights, gradient, products, compared));
            return world.Gradients();
        }
        var plain = Run(
            null,
            report =>
                Assert.That(
                    (report.AnchorLoss, report.VelocityNormRatio, report.VelocitySquaredDifference),
                    Is.EqualTo(((double?)null, (double?)null, (double?)null))
                )
        );
        foreach (var anchor in new[] { new VelocityAnchor(Compare: true), Both })
        {
            var compared = Run(
                anchor,
                report =>
                {
                    // Products of another batch size round differently, and a norm by its own last digit.
                    Assert.That(report.AnchorLoss, Is.EqualTo(0).Within(1e-25));
                    Assert.That(report.VelocityNormRatio, Is.EqualTo(1).Within(1e-12));
                    Assert.That(report.VelocitySquaredDifference, Is.EqualTo(0).Within(1e-25));
                    Assert.That(report.ReferenceEvaluations, Is.EqualTo(new Evaluations(1, 12)));
                }
            );
            if (anchor.IsOff)
            {
                Assert.That(compared, Is.EqualTo(plain));
            }
            else
            {
                Assert.That(EquivalenceTests.Distance(compared, plain), Is.LessThan(1e-12));
            }
        }
    }

    [Test]
    public void The_alarms_are_means_over_the_active_steps_of_all_samples()
    {
        using var world = new World();
        var twice = new AutogradVelocityField((x_B, t_B, c) => world.Network.Forward(x_B, t_B, c) * 2);
        var inputs = world.Inputs(new SparsePlanner(new()).FromIndices(Schedule, [1, 6]));
        var executor = new SurrogateExecutor(
            twice,
            Schedule,
            new CpuLatentKernels(),
            new() { Storage = ScalarType.Float64 },
            reference: new AutogradVelocityField(world.Network.Forward)
        );
        using var rollout = executor.Rollout(inputs);
        using var anchor = executor.Anchor(inputs, rollout, executor.Weigh(inputs, rollout))!;
        double[] expected =
        [
            .. new[] { 1, 6 }.SelectMany(step =>
                Enumerable.Range(0, 3).Select(b => TensorValues.Numbers(rollout.V_TB[step][b]).Average(v => v * v / 4))
            ),
        ];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(anchor.NormRatios, Is.All.EqualTo(2).Within(1e-12));
            Assert.That(anchor.SquaredDifferences, Is.EqualTo(expected).Within(1e-12));
            Assert.That(anchor.Cotangent_P, Is.Null);
            Assert.That(anchor.Loss, Is.Zero);
        }
    }

    [Test]
    public void A_hinge_whose_gradient_is_decided_by_rounding_is_refused_by_name()
    {
        var decided = new VelocityAnchor(NormHingeWeight: 1, NormHingeMargin: 0, NormHingePower: 1);
        Assert.That(
            decided.Check,
            Throws
                .TypeOf<InvalidSettingException>()
                .With.Message.Contains("norm_hinge_margin")
                .And.Message.Contains("power")
        );
        Assert.That((decided with { NormHingePower = 2 }).Check, Throws.Nothing);
        Assert.That((decided with { NormHingeMargin = 0.01 }).Check, Throws.Nothing);
        Assert.That((decided with { NormHingeWeight = 0 }).Check, Throws.Nothing);
    }

    [Test]
    public void An_anchor_without_a_reference_is_refused()
    {
        using var world = new World();
        Assert.That(
            () =>
                new SurrogateExecutor(
                    new AutogradVelocityField(world.Network.Forward),
                    Schedule,
                    new CpuLatentKernels(),
                    anchor: Both
                ),
            Throws.ArgumentException.With.Message.Contains("reference")
        );
    }

    [Test]
    public void A_reference_without_a_velocity_is_named_by_step_and_sample()
    {
        using var world = new World();
        var inputs = world.Inputs(new SparsePlanner(new()).FromIndices(Schedule, [2, 5]));
        var executor = new SurrogateExecutor(
            new AutogradVelocityField(world.Network.Forward),
            Schedule,
            new CpuLatentKernels(),
            new() { Storage = ScalarType.Float64 },
            Both,
            new AutogradVelocityField((x_B, _, _) => torch.zeros_like(x_B))
        );
        using var rollout = executor.Rollout(inputs);
        var weights = executor.Weigh(inputs, rollout);
        Assert.That(
            () => executor.Anchor(inputs, rollout, weights),
            Throws.TypeOf<NonFiniteException>().With.Property(nameof(NonFiniteException.Step)).EqualTo(2)
        );
    }

    private static (double[] Gradient, AnchorGradient Anchor) Gradient(
        World world,
        World reference,
        SurrogateBatch inputs,
        VelocityAnchor settings,
        IVelocityField? field = null,
        IVelocityField? asked = null,
        double? count = null
    )
    {
        world.ClearGradients();
        var executor = new SurrogateExecutor(
            field ?? new AutogradVelocityField(world.Network.Forward),
            Schedule,
            new CpuLatentKernels(),
            world.Options with
            {
                Storage = world.Type,
            },
            settings,
            asked ?? new AutogradVelocityField(reference.Network.Forward)
        );
        using var rollout = executor.Rollout(inputs);
        var weights = executor.Weigh(inputs, rollout);
        using var gradient = executor.RewardGradient(inputs, rollout, weights, world.Reward, world.Hinge, count);
        var anchor = executor.Anchor(inputs, rollout, weights, count)!;
        executor.AccumulateGradients(inputs, rollout, gradient, anchor);
        return (world.Gradients(), anchor);
    }

    // The loss as it is defined, one graph over all pairs, at the cached states.
    private static (double[] Gradient, double Loss) ByAutograd(
        World world,
        World reference,
        SurrogateBatch inputs,
        VelocityAnchor settings
    )
    {
        world.ClearGradients();
        using var scope = torch.NewDisposeScope();
        using var rollout = world.Executor().Rollout(inputs);
        using var withGrad = torch.enable_grad();
        var total = torch.zeros([], ScalarType.Float64);
        for (var b = 0; b < world.Batch; b++)
        {
            int[] steps = [.. inputs.Plan.Samples[b].ActiveSteps.Select(step => step.Index).Distinct()];
            foreach (var step in steps)
            {
                using var conditioning = inputs.Conditioning.Select([b]);
                var x_1 = rollout.X_TB.select(0, step).narrow(0, b, 1).detach();
                var time_1 = torch.full([1], Schedule.NetworkTime(step), ScalarType.Float64);
                var v = world.Network.Forward(x_1, time_1, conditioning);
                var other = reference.Network.Forward(x_1, time_1, conditioning).detach();
                var ratio = (v * v).sum().sqrt() / (other * other).sum().sqrt();
                var excess = (ratio - 1 - settings.NormHingeMargin).clamp(min: 0);
                var distance = (v - other) * (v - other);
                total =
                    total
                    + (distance.mean() * settings.Weight + excess * settings.NormHingeWeight)
                        / (world.Batch * steps.Length);
            }
        }
        total.backward();
        return (world.Gradients(), total.item<double>());
    }
}
