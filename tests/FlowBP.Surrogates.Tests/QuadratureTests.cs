using System.Numerics;
using FsCheck;
using FsCheck.Fluent;

namespace FlowBP.Surrogates.Tests;

/// <summary>Quadrature weights: exact where they promise to be.</summary>
public class QuadratureTests
{
    [Test]
    public void Lagrange_integrates_polynomials_below_its_order_exactly()
    {
        var cases =
            from order in Gen.Choose(1, 6)
            from start in Gen.Choose(0, 18)
            from length in Gen.Choose(1, 25 - start)
            from degree in Gen.Choose(0, order - 1)
            select (order, start, length, degree);
        Check.One(
            Config.QuickThrowOnFailure,
            Prop.ForAll(
                cases.ToArbitrary(),
                sample =>
                {
                    var (order, start, length, degree) = sample;
                    var schedule = NoiseSchedule.FlowMatchEuler(25);
                    foreach (var rule in new[] { LeapRule.Lagrange, LeapRule.AdamsBashforth })
                    {
                        var leap = LeapRules.Integrate(schedule, start, start + length, rule, order);
                        if (leap.Supports.Count <= degree)
                        {
                            continue;
                        }
                        var (from, to) = (schedule.Sigmas[start], schedule.Sigmas[start + length]);
                        var exact = (Math.Pow(to, degree + 1) - Math.Pow(from, degree + 1)) / (degree + 1);
                        var found = leap
                            .Supports.Zip(leap.Weights)
                            .Sum(pair => pair.Second * Math.Pow(schedule.Sigmas[pair.First], degree));
                        // Extrapolating weights are large and of both signs: relative to their sum.
                        Assert.That(found, Is.EqualTo(exact).Within(1e-12 * (1 + leap.Weights.Sum(Math.Abs))));
                    }
                }
            )
        );
    }

    [Test]
    public void Lagrange_weights_equal_exact_rational_arithmetic()
    {
        var schedule = NoiseSchedule.FlowMatchEuler(27);
        foreach (var order in new[] { 2, 3, 4, 6, 8 })
        {
            var leap = LeapRules.Integrate(schedule, 10, 26, LeapRule.Lagrange, order);
            var exact = ExactWeights(
                [.. leap.Supports.Select(i => schedule.Sigmas[i])],
                schedule.Sigmas[10],
                schedule.Sigmas[26]
            );
            Assert.That(leap.Weights, Is.EqualTo(exact).Within(1e-12 * exact.Max(Math.Abs)), $"order {order}");
        }
    }

    [Test]
    public void Two_supports_on_equal_steps_give_the_anchor_nothing()
    {
        // docs/methods.md §6: ∫ over [a, a + 2h] of the line through a and a + h is 2h·v(a + h).
        var schedule = NoiseSchedule.FlowMatchEuler(8, shift: 1);
        var leap = LeapRules.Integrate(schedule, 3, 5, LeapRule.Lagrange, 3);
        Assert.That(leap.Weights, Is.EqualTo(new[] { 0, -0.25 }).Within(1e-16));
        Assert.That(leap.HasWrongSign, Is.False);
    }

    [Test]
    public void Every_rule_preserves_the_length_of_the_interval()
    {
        var schedule = NoiseSchedule.FlowMatchEuler(25);
        foreach (var rule in Enum.GetValues<LeapRule>())
        {
            var leap = LeapRules.Integrate(schedule, 4, 19, rule, 3);
            Assert.That(leap.Weights.Sum(), Is.EqualTo(leap.Interval).Within(1e-13), $"{rule}");
        }
    }

    [Test]
    public void The_positive_rule_never_has_a_wrong_sign_where_lagrange_often_has()
    {
        var wrong = 0;
        foreach (var schedule in new[] { NoiseSchedule.FlowMatchEuler(25), NoiseSchedule.FlowMatchEuler(25, 1) })
        {
            for (var start = 0; start < 25; start++)
            {
                for (var target = start + 1; target <= 25; target++)
                {
                    var lagrange = LeapRules.Integrate(schedule, start, target, LeapRule.Lagrange, 3);
                    var positive = LeapRules.Integrate(schedule, start, target, LeapRule.LagrangePositive, 3);
                    wrong += lagrange.HasWrongSign ? 1 : 0;
                    Assert.That(positive.HasWrongSign, Is.False, $"[{start}, {target})");
                    if (!lagrange.HasWrongSign)
                    {
                        Assert.That(positive.Weights, Is.EqualTo(lagrange.Weights), $"[{start}, {target})");
                    }
                }
            }
        }
        Assert.That(wrong, Is.GreaterThan(0));
    }

    [Test]
    public void Equal_nodes_are_refused() =>
        Assert.That(() => Quadrature.Lagrange([0.5, 0.5], 1, 0), Throws.ArgumentException);

    // λ_s in fractions of big integers; binary64 sigmas are such fractions exactly.
    private static double[] ExactWeights(double[] nodes, double from, double to)
    {
        var scale = BigInteger.One << 80;
        BigInteger Fixed(double value) => (BigInteger)(value * Math.Pow(2, 60)) * (BigInteger.One << 20);
        var t = nodes.Select(Fixed).ToArray();
        var (a, b) = (Fixed(from), Fixed(to));
        var weights = new double[t.Length];
        for (var s = 0; s < t.Length; s++)
        {
            // Coefficients of Π (σ − t_j), each with a power of `scale` that makes all terms of one degree.
            var coefficients = new List<BigInteger> { BigInteger.One };
            var denominator = BigInteger.One;
            foreach (var other in t.Where((_, i) => i != s))
            {
                var next = Enumerable.Repeat(BigInteger.Zero, coefficients.Count + 1).ToList();
                for (var power = 0; power < coefficients.Count; power++)
                {
                    next[power] -= other * coefficients[power];
                    next[power + 1] += coefficients[power];
                }
                coefficients = next;
                denominator *= t[s] - other;
            }
            var common = Enumerable.Range(1, coefficients.Count).Aggregate(BigInteger.One, (product, i) => product * i);
            var integral = BigInteger.Zero;
            for (var power = 0; power < coefficients.Count; power++)
            {
                var difference = BigInteger.Pow(b, power + 1) - BigInteger.Pow(a, power + 1);
                integral += common / (power + 1) * coefficients[power] * difference;
            }
            // integral / (common · denominator) is in units of 1 / scale; keep 60 more bits for the division.
            var quotient = (integral << 60) / (common * denominator);
            weights[s] = (double)quotient / Math.Pow(2, 60) / (double)scale;
        }
        return weights;
    }
}
