namespace FlowBP.Surrogates.Tests;

/// <summary>What the executor costs, what it leaves out, and what may not change its result.</summary>
public class ExecutorTests
{
    private static readonly NoiseSchedule Schedule = NoiseSchedule.FlowMatchEuler(8);

    [Test]
    public void Evaluations_are_minimal_with_a_detached_negative_branch()
    {
        using var world = new World(guided: true);
        var inner = new CountingField(new AutogradVelocityField(world.Network.Forward));
        world.Gradient(new SparsePlanner(new()).FromIndices(Schedule, [1, 4, 6]), new GuidedVelocityField(inner, 3.5));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(inner.EvaluatedBatches, Is.EqualTo(Enumerable.Repeat(6, 8)), "N forwards of 2B");
            Assert.That(inner.PulledBatches, Is.EqualTo(new[] { 3, 3, 3 }), "one pullback of B per active step");
        }
    }

    [Test]
    public void A_live_negative_branch_costs_one_pullback_of_2B_per_active_step()
    {
        using var world = new World(guided: true);
        var inner = new CountingField(new AutogradVelocityField(world.Network.Forward));
        var field = new GuidedVelocityField(inner, 3.5, detachNegative: false);
        world.Gradient(new SparsePlanner(new()).FromIndices(Schedule, [1, 4]), field);
        Assert.That(inner.PulledBatches, Is.EqualTo(new[] { 6, 6 }));
    }

    [Test]
    public void Guidance_of_scale_one_needs_no_negative_branch()
    {
        using var world = new World(guided: true);
        var inner = new CountingField(new AutogradVelocityField(world.Network.Forward));
        world.Gradient(new ReFLPlanner(new()).FromIndices(Schedule, 5), new GuidedVelocityField(inner, 1));
        Assert.That(inner.EvaluatedBatches, Is.All.EqualTo(3));
    }

    [Test]
    public void A_posterior_mean_stops_the_rollout_where_it_is_read()
    {
        using var world = new World();
        var field = new CountingField(new AutogradVelocityField(world.Network.Forward));
        world.Gradient(new ReFLPlanner(new()).FromIndices(Schedule, 5), field);
        Assert.That(field.EvaluatedBatches, Has.Count.EqualTo(6), "v_0 … v_5");
    }

    [Test]
    public void Samples_that_stop_earlier_leave_the_rollout()
    {
        using var world = new World();
        var field = new CountingField(new AutogradVelocityField(world.Network.Forward));
        var planner = new ReFLPlanner(new());
        var plan = BatchPlan.PerSample([.. new[] { 3, 7, 5 }.Select(stop => planner.FromIndices(Schedule, stop))]);
        world.Gradient(world.Inputs(plan), field);
        Assert.That(field.EvaluatedBatches, Is.EqualTo(new[] { 3, 3, 3, 3, 2, 2, 1, 1 }));
    }

    [Test]
    public void The_reforward_sees_the_times_of_the_rollout_clean_side_first()
    {
        using var world = new World(batch: 1);
        var field = new CountingField(new AutogradVelocityField(world.Network.Forward));
        world.Gradient(new FullPlanner().FromIndices(Schedule), field);
        Assert.That(field.PulledTimes, Is.EqualTo(Schedule.Sigmas.Take(8).Reverse()));
    }

    [Test]
    public void Samples_past_the_hinge_take_no_part_in_the_pullbacks()
    {
        using var world = new World();
        var executor = world.Executor();
        var inputs = world.Inputs(new SparsePlanner(new()).FromIndices(Schedule, [2, 6]));
        using var rollout = executor.Rollout(inputs);
        var weights = executor.Weigh(inputs, rollout);
        using var probe = executor.RewardGradient(inputs, rollout, weights, world.Reward, world.Hinge);
        // A threshold between the scores: the best sample is good enough.
        var threshold = probe.Scores.Order().TakeLast(2).Average();
        var field = new CountingField(new AutogradVelocityField(world.Network.Forward));
        var counting = world.Executor(field);
        using var gradient = counting.RewardGradient(inputs, rollout, weights, world.Reward, new(threshold));
        counting.AccumulateGradients(inputs, rollout, gradient);
        Assert.That(field.PulledBatches, Is.EqualTo(new[] { 2, 2 }));
        Assert.That(gradient.SquaredNorms.Count(norm => norm == 0), Is.EqualTo(1));
    }

    [Test]
    public void Chunks_change_nothing_but_memory()
    {
        var plan = new DRaFTLVPlanner(new(NoisedSamples: 3)).FromIndices(Schedule, 7);
        var bridge = new BridgePlanner(new()).FromIndices(Schedule, 4, [0, 2], [4, 5]);
        using var whole = new World(batch: 5);
        using var cut = new World(batch: 5)
        {
            Options = new()
            {
                RolloutChunk = 2,
                RewardChunk = 3,
                VjpChunk = 2,
            },
        };
        foreach (var each in new[] { plan, bridge })
        {
            Assert.That(EquivalenceTests.Distance(cut.Gradient(each), whole.Gradient(each)), Is.LessThan(1e-13));
        }
    }

    [Test]
    public void Draws_per_sample_with_equal_indices_equal_a_shared_draw()
    {
        using var world = new World();
        var planner = new LagrangePlanner(new());
        var shared = world.Gradient(planner.FromIndices(Schedule, 1, 4));
        var plans = Enumerable.Range(0, 3).Select(_ => planner.FromIndices(Schedule, 1, 4));
        Assert.That(world.Gradient(world.Inputs(BatchPlan.PerSample(plans))), Is.EqualTo(shared));
    }

    [Test]
    public void Draws_per_sample_are_each_samples_own_gradient()
    {
        // The gradient is a mean over samples, so with a draw per sample it is the mean of the samples' own gradients:
        // the same expectation as a shared draw.
        using var world = new World();
        var planner = new BridgePlanner(new() { GradRescale = 0.5 });
        SurrogatePlan[] plans =
        [
            planner.FromIndices(Schedule, 4, [0, 2], [4, 5]),
            planner.FromIndices(Schedule, 1, [0], [1, 3, 6, 7]),
            planner.FromIndices(Schedule, 6, [1, 2, 5], [6]),
        ];
        var found = world.Gradient(world.Inputs(BatchPlan.PerSample(plans)));
        var expected = new double[found.Length];
        for (var b = 0; b < 3; b++)
        {
            using var alone = new World();
            using var conditioning = alone.Conditioning.Select([b]);
            var inputs = alone.Inputs(BatchPlan.Shared(plans[b], 1)) with
            {
                Noise_B = alone.Noise.narrow(0, b, 1),
                Conditioning = conditioning,
                RewardConditioning = conditioning,
            };
            expected = [.. expected.Zip(alone.Gradient(inputs), (sum, own) => sum + (own / 3))];
        }
        Assert.That(EquivalenceTests.Distance(found, expected), Is.LessThan(1e-13));
    }

    [Test]
    public void A_global_count_divides_the_gradient_and_a_divisor_leaves_the_loss_alone()
    {
        using var world = new World();
        var inputs = world.Inputs(new ReFLPlanner(new()).FromIndices(Schedule, 5));
        var executor = world.Executor();
        using var rollout = executor.Rollout(inputs);
        var weights = executor.Weigh(inputs, rollout);
        using var local = executor.RewardGradient(inputs, rollout, weights, world.Reward, world.Hinge);
        using var global = executor.RewardGradient(inputs, rollout, weights, world.Reward, world.Hinge, count: 12);
        using var divided = executor.RewardGradient(
            inputs,
            rollout,
            weights,
            world.Reward,
            world.Hinge with
            {
                GradientDivisor = 4,
            }
        );
        using (Assert.EnterMultipleScope())
        {
            Assert.That(global.Loss, Is.EqualTo(local.Loss / 4).Within(1e-14));
            Assert.That(divided.Loss, Is.EqualTo(local.Loss));
            Assert.That(
                TensorValues.Numbers(global.Gradient_R),
                Is.EqualTo(TensorValues.Numbers(divided.Gradient_R)).Within(1e-15)
            );
            Assert.That(
                TensorValues.Numbers(global.Gradient_R),
                Is.EqualTo(TensorValues.Numbers(local.Gradient_R).Select(g => g / 4)).Within(1e-15)
            );
        }
    }

    [Test]
    public void A_filtered_batch_has_no_loss_and_no_gradient()
    {
        using var world = new World();
        var field = new CountingField(new AutogradVelocityField(world.Network.Forward));
        var planner = new LeapAlignPlanner(new() { Filter = new(MaxSplitDeviation: 1e-6, null) });
        var inputs = world.Inputs(planner.FromIndices(Schedule, 1, 5));
        var executor = world.Executor(field);
        using var rollout = executor.Rollout(inputs);
        var weights = executor.Weigh(inputs, rollout);
        using var gradient = executor.RewardGradient(inputs, rollout, weights, world.Reward, world.Hinge);
        executor.AccumulateGradients(inputs, rollout, gradient);
        Assert.That((weights.Kept, gradient.Loss, field.PulledBatches.Count), Is.EqualTo((0, 0.0, 0)));
    }

    [Test]
    public void A_replay_reconstructs_the_end_up_to_the_rounding_of_its_storage()
    {
        foreach (
            var (type, bound) in new[]
            {
                (ScalarType.Float64, 1e-14),
                (ScalarType.Float32, 1e-6),
                (ScalarType.BFloat16, 4e-2),
            }
        )
        {
            using var world = new World();
            var inputs = world.Inputs(new SparsePlanner(new()).FromIndices(Schedule, [3]));
            var executor = new SurrogateExecutor(
                new AutogradVelocityField(
                    (x_B, sigma_B, c) => world.Network.Forward(x_B.to(ScalarType.Float64), sigma_B, c)
                ),
                Schedule,
                new CpuLatentKernels(),
                new() { Storage = type }
            );
            using var rollout = executor.Rollout(inputs);
            Assert.That(rollout.X_TB.dtype, Is.EqualTo(type));
            Assert.That(executor.Weigh(inputs, rollout).ReconstructionError, Is.All.LessThan(bound), $"{type}");
        }
    }

    [Test]
    public void Sampling_ends_where_the_cached_rollout_ends()
    {
        using var world = new World(type: ScalarType.Float32, guided: true);
        var field = new GuidedVelocityField(new AutogradVelocityField(world.Network.Forward), 3.5);
        var rollout = new Rollout(field, Schedule, new CpuLatentKernels(), ScalarType.Float32, chunk: 2);
        using var cache = rollout.Run(world.Noise, world.Conditioning);
        using var end = rollout.Sample(world.Noise, world.Conditioning);
        Assert.That(TensorValues.Numbers(end), Is.EqualTo(TensorValues.Numbers(cache.X_TB.select(0, 8))));
    }

    [Test]
    public void A_velocity_that_is_not_finite_is_named_by_step_and_sample()
    {
        using var world = new World();
        var step = 0;
        var field = new AutogradVelocityField(
            (x_B, sigma_B, c) =>
            {
                var v_B = world.Network.Forward(x_B, sigma_B, c);
                if (step++ == 4)
                {
                    v_B.narrow(0, 1, 1).fill_(double.NaN);
                }
                return v_B;
            }
        );
        Assert.That(
            () => world.Executor(field).Rollout(world.Inputs(new FullPlanner().FromIndices(Schedule))),
            Throws
                .TypeOf<NonFiniteException>()
                .With.Property(nameof(NonFiniteException.Step))
                .EqualTo(4)
                .And.Property(nameof(NonFiniteException.Sample))
                .EqualTo(1)
        );
    }

    [Test]
    public void A_reward_that_is_not_finite_is_named_by_sample()
    {
        using var world = new World();
        var inputs = world.Inputs(new SparsePlanner(new()).FromIndices(Schedule, [3]));
        var executor = world.Executor();
        using var rollout = executor.Rollout(inputs);
        var weights = executor.Weigh(inputs, rollout);
        Assert.That(
            () => executor.RewardGradient(inputs, rollout, weights, new BrokenReward(), world.Hinge),
            Throws.TypeOf<NonFiniteException>().With.Message.Contains("reward of sample 2")
        );
    }

    [Test]
    public void The_report_says_what_was_drawn_measured_and_spent()
    {
        using var world = new World();
        var inputs = world.Inputs(new LagrangePlanner(new() { GradRescale = 1 }).FromIndices(Schedule, 1, 4));
        var executor = world.Executor();
        using var rollout = executor.Rollout(inputs);
        var weights = executor.Weigh(inputs, rollout);
        using var gradient = executor.RewardGradient(inputs, rollout, weights, world.Reward, world.Hinge);
        var pullbacks = executor.AccumulateGradients(inputs, rollout, gradient);
        var report = SurrogateReport.Of(Schedule, inputs.Plan, rollout, weights, gradient, pullbacks);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Indices, Has.Count.EqualTo(1));
            Assert.That(report.Indices[0]["support_kj"], Is.EqualTo(new[] { 1, 2, 3 }));
            Assert.That(report.Reward, Is.EqualTo(gradient.Scores.Average()).Within(1e-15));
            Assert.That(report.SplitDeviation, Is.EqualTo(weights.SplitDeviation!.Average()));
            Assert.That(report.ReconstructionError, Is.Null);
            Assert.That(report.Rescale.Keys, Is.EquivalentTo(new[] { "gamma_kj", "gamma_j0" }));
            Assert.That(report.RolloutEvaluations, Is.EqualTo(new Evaluations(8, 24)));
            Assert.That(report.Pullbacks, Is.EqualTo(new Evaluations(4, 12)));
            Assert.That((report.ActiveFraction, report.KeptFraction, report.NestedDepth), Is.EqualTo((1.0, 1.0, 1)));
        }
    }

    [Test]
    public void A_plan_for_another_schedule_is_refused()
    {
        using var world = new World(steps: 5);
        Assert.That(
            () => world.Gradient(new FullPlanner().FromIndices(Schedule)),
            Throws.ArgumentException.With.Message.Contains("8 steps")
        );
    }

    private sealed class BrokenReward : IReward
    {
        public Tensor Score(Tensor latents_R, Conditioning conditioning)
        {
            using var mask = torch.tensor([1.0, 1.0, double.NaN]);
            return latents_R.flatten(1).sum(1) * mask;
        }
    }
}
