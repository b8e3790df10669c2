using FlowBP.RandomStreams;
using FlowBP.Settings;
using FsCheck;
using FsCheck.Fluent;

namespace FlowBP.Surrogates.Tests;

/// <summary>Properties that every draw has, whatever the settings.</summary>
public class SamplingTests
{
    [TestCase(0)]
    [TestCase(1)]
    [TestCase(100)]
    [TestCase(1e300)]
    public void Probabilities_are_finite_however_strong_the_bias_and_long_the_rollout(double bias)
    {
        int[] left = [.. Enumerable.Range(0, 5000)];
        var probabilities = LateBiased.Probabilities(left, bias, origin: 0);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(probabilities, Is.All.InRange(0, 1));
            Assert.That(probabilities.Sum(), Is.EqualTo(1).Within(1e-9));
            // (4999 / 5000)^β.
            Assert.That(probabilities[^2], Is.EqualTo(probabilities[^1] * Math.Pow(0.9998, bias)).Within(1e-12));
        }
    }

    [TestCase(0f, 0f, 0f)]
    [TestCase(float.MaxValue, float.MaxValue, 1f)]
    [TestCase(float.PositiveInfinity, 1f, 1f)]
    public void Segments_have_room_for_two_leaps_whatever_the_gamma_draws_round_to(float a, float b, float c)
    {
        var drawn = LeapSampler.FromGamma(a, b, c, steps: 25, new ReverseWindow(1, 26), maxReverseSplit: null);
        Assert.That(drawn.K, Is.InRange(0, drawn.J - 1));
        Assert.That(drawn.J, Is.InRange(1, 24));
    }

    [Test]
    public void A_budget_uses_all_it_may_and_leaves_no_side_empty() =>
        ForAll(
            from total in Gen.Choose(2, 40)
            from pre in Gen.Choose(1, 30)
            from post in Gen.Choose(1, 30)
            select (total, pre, post),
            sample =>
            {
                var (total, pre, post) = sample;
                var budget = BridgeBudget.Divide(total, pre, post);
                Assert.That(budget.Pre, Is.InRange(1, pre));
                Assert.That(budget.Post, Is.InRange(1, post));
                Assert.That(budget.Pre + budget.Post, Is.EqualTo(Math.Min(total, pre + post)));
                // As near to the share as the sides allow.
                var share = Math.Min(total, pre + post) * pre / (double)(pre + post);
                if (budget.Pre < pre && budget.Post < post && budget.Pre > 1 && budget.Post > 1)
                {
                    Assert.That(budget.Pre, Is.EqualTo(share).Within(0.5));
                }
            }
        );

    [Test]
    public void Late_biased_draws_are_distinct_increasing_and_inside() =>
        ForAll(
            from start in Gen.Choose(0, 20)
            from length in Gen.Choose(1, 30)
            from count in Gen.Choose(1, 40)
            from bias in Gen.Choose(0, 4)
            from seed in Gen.Choose(0, 10000)
            select (start, length, count, bias, seed),
            sample =>
            {
                var (start, length, count, bias, seed) = sample;
                var drawn = LateBiased.Draw(start, start + length, count, bias, start, Source(seed));
                Assert.That(drawn, Is.Ordered.And.Unique);
                Assert.That(drawn, Has.Length.EqualTo(Math.Min(count, length)));
                Assert.That(drawn, Is.All.InRange(start, start + length - 1));
            }
        );

    [Test]
    public void Every_mode_places_k_before_j_within_the_rollout_and_below_the_cap() =>
        ForAll(
            from mode in Gen.Elements(Enum.GetValues<LeapSamplingMode>())
            from steps in Gen.Choose(3, 50)
            from tail in Gen.Elements(0.3, 0.7, 1.0)
            from cap in Gen.Elements<int?>(null, 1, 5, 10)
            from seed in Gen.Choose(0, 10000)
            select (mode, steps, tail, cap, seed),
            sample =>
            {
                var (mode, steps, tail, cap, seed) = sample;
                var sampler = new LeapSampler
                {
                    Mode = mode,
                    TailRatio = tail,
                    MaxReverseSplit = cap,
                };
                var (k, j) = sampler.Draw(steps, Source(seed));
                Assert.That(k, Is.InRange(0, j - 1));
                Assert.That(j, Is.InRange(1, steps - 1));
                if (mode is LeapSamplingMode.Uniform or LeapSamplingMode.Dirichlet)
                {
                    Assert.That(k, Is.GreaterThanOrEqualTo(TrainingWindow.Tail(steps, tail, 3).Start));
                    if (cap is { } bound)
                    {
                        // A cap of 1 still leaves the segment after j one step, as in the reference.
                        Assert.That(steps - j, Is.LessThanOrEqualTo(Math.Max(bound, 2)));
                    }
                }
            }
        );

    [Test]
    public void Bridge_takes_its_split_with_probability_proportional_to_j()
    {
        const int steps = 8;
        const int draws = 20000;
        var planner = new BridgePlanner(new() { ActiveSteps = 2 });
        var schedule = NoiseSchedule.FlowMatchEuler(steps);
        var source = Source(5);
        var counts = new double[steps];
        for (var draw = 0; draw < draws; draw++)
        {
            counts[planner.Draw(schedule, source).Indices["j"][0]]++;
        }
        for (var j = 1; j < steps; j++)
        {
            var p = 2.0 * j / (steps * (steps - 1));
            Assert.That(counts[j], Is.EqualTo(draws * p).Within(5 * Math.Sqrt(draws * p * (1 - p))), $"j = {j}");
        }
    }

    [Test]
    public void Every_method_draws_plans_that_fit_their_rollout() =>
        ForAll(
            from method in Gen.Elements(MethodRegistry.All.ToArray())
            from steps in Gen.Choose(12, 50)
            from seed in Gen.Choose(0, 10000)
            select (method, steps, seed),
            sample =>
            {
                var (method, steps, seed) = sample;
                var schedule = NoiseSchedule.FlowMatchEuler(steps);
                var plan = method.Create([]).Draw(schedule, Source(seed));
                Assert.That(plan.Method, Is.EqualTo(method.Name));
                Assert.That(plan.RolloutSteps, Is.InRange(1, steps));
                Assert.That(plan.ActiveSteps, Is.Not.Empty);
                Assert.That(plan.ActiveSteps.Select(step => step.Index), Is.All.InRange(0, plan.RolloutSteps - 1));
                Assert.That(
                    plan.ActiveSteps.Select(step => step.Index),
                    Is.Ordered.Descending.And.Unique,
                    "one graph per step, clean side first, but for the split that comes last of its leap"
                );
                Assert.That(plan.Coverage(schedule), Is.InRange(0, 1 + 1e-12));
            }
        );

    [Test]
    public void Too_small_a_window_is_an_error_that_names_the_settings() =>
        Assert.That(
            () => new LeapSampler().Draw(1, Source(0)),
            Throws.TypeOf<InvalidSettingException>().With.Message.Contains("train_step_tail_ratio")
        );

    private static RandomStream Source(int seed) => RandomStream.For((ulong)seed, 0, 0, RandomPurpose.Indices);

    private static void ForAll<T>(Gen<T> cases, Action<T> holds) =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(300), Prop.ForAll(cases.ToArbitrary(), holds));
}
