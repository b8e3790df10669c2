namespace FlowBP.Verification.Tests;

/// <summary>A comparison must be able to say no, and to say where.</summary>
public class ComparisonTests
{
    [Test]
    public void Errors_are_relative_to_the_largest_reference_magnitude()
    {
        var comparison = new Comparison(0.01);
        comparison.Numbers("a", [1, 4.02], [1, 4]);
        var result = comparison.Result("fixture");
        Assert.That(result.WorstError, Is.EqualTo(0.005).Within(1e-12));
        Assert.That((result.Name, result.Outcome), Is.EqualTo(("fixture", FixtureOutcome.Passed)));
        Assert.That(result.Tolerance, Is.EqualTo(0.01));
    }

    [Test]
    public void The_worst_of_several_is_named()
    {
        var comparison = new Comparison(0.01);
        comparison.Numbers("fine", [1], [1]);
        comparison.Numbers("far", [2], [1]);
        comparison.Numbers("near", [1.1], [1]);
        var result = comparison.Result("fixture");
        Assert.That((result.Detail, result.WorstError), Is.EqualTo(("far", 1)));
        Assert.That((result.Passed, comparison.Count), Is.EqualTo((false, 3)));
    }

    [Test]
    public void A_fixture_that_compared_nothing_has_failed()
    {
        var result = new Comparison(1).Result("empty");
        Assert.That(result.Outcome, Is.EqualTo(FixtureOutcome.Failed));
        Assert.That(result.Detail, Does.Contain("nothing to compare"));
    }

    [TestCase(double.NaN, 1)]
    [TestCase(1, double.NaN)]
    [TestCase(double.NaN, double.NaN)]
    [TestCase(double.PositiveInfinity, 1)]
    [TestCase(double.PositiveInfinity, double.PositiveInfinity)]
    public void What_is_no_finite_number_never_agrees(double actual, double expected)
    {
        var comparison = new Comparison(1e300);
        comparison.Numbers("a", [actual], [expected]);
        Assert.That(comparison.Result("fixture").Passed, Is.False);
    }

    [Test]
    public void A_reference_of_zeros_is_met_exactly_or_where_it_is_negligible_absolutely()
    {
        Assert.That(Error(new(1e-3), 1e-9, 0), Is.EqualTo(double.PositiveInfinity));
        Assert.That(Error(new(1e-3), 0, 0), Is.Zero);
        Assert.That(Error(new(1e-3, negligible: 1e-10), 1e-9, 0), Is.EqualTo(1e-9));
        Assert.That(Error(new(1e-3, negligible: 1e-10), 3e-11, 1e-11), Is.EqualTo(2e-11).Within(1e-20));

        static double Error(Comparison comparison, double actual, double expected)
        {
            comparison.Numbers("a", [actual], [expected]);
            return comparison.Result("fixture").WorstError;
        }
    }

    [Test]
    public void A_yardstick_bounds_the_magnitude_from_below_and_an_allowance_is_not_counted()
    {
        var comparison = new Comparison(1);
        comparison.Numbers("a", [3e-6], [1e-6], yardstick: 1e-3);
        Assert.That(comparison.Result("fixture").WorstError, Is.EqualTo(2e-3).Within(1e-12));
        comparison.Numbers("b", [1.5], [1], allowance: 0.25);
        Assert.That(comparison.Result("fixture").WorstError, Is.EqualTo(0.25).Within(1e-12));
    }

    [Test]
    public void Numbers_of_another_count_and_tensors_of_another_shape_fail()
    {
        var comparison = new Comparison(1);
        comparison.Numbers("a", [1], [1, 1]);
        Assert.That(comparison.Result("fixture").Detail, Is.EqualTo("a: 1 numbers, expected 2"));
        comparison = new(1);
        using var actual = torch.ones(2, 3);
        using var expected = torch.ones(3, 2);
        comparison.Tensors("b", actual, expected);
        comparison.Norms("c", actual, expected);
        var result = comparison.Result("fixture");
        Assert.That(result.Detail, Is.EqualTo("b: shape [2, 3], expected [3, 2]"));
        Assert.That((result.WorstError, comparison.Count), Is.EqualTo((double.PositiveInfinity, 2)));
    }

    [Test]
    public void Tensors_of_different_types_are_compared_in_double()
    {
        var comparison = new Comparison(1);
        using var actual = torch.tensor(new long[] { 1, 3 });
        using var expected = torch.tensor(new[] { 1f, 4f });
        comparison.Tensors("a", actual, expected);
        Assert.That(comparison.Result("fixture").WorstError, Is.EqualTo(0.25));
    }

    [Test]
    public void Norms_are_compared_over_the_whole_tensor()
    {
        var comparison = new Comparison(1);
        using var actual = torch.tensor(new[] { 3.0, 4.5, 0 });
        using var expected = torch.tensor(new[] { 3.0, 4, 0 });
        comparison.Norms("a", actual, expected);
        Assert.That(comparison.Result("fixture").WorstError, Is.EqualTo(0.1).Within(1e-12));
        comparison.Norms("b", expected, actual * 0, yardstick: 10);
        Assert.That(comparison.Result("fixture").WorstError, Is.EqualTo(0.5).Within(1e-12));
    }

    [Test]
    public void Indices_agree_exactly_or_fail_with_both_lists()
    {
        var comparison = new Comparison(1);
        comparison.Exactly("same", [1, 2], [1, 2]);
        Assert.That(comparison.Result("fixture").Passed, Is.True);
        comparison.Exactly("active", [1, 2], [1, 3]);
        Assert.That(comparison.Result("fixture").Detail, Is.EqualTo("active: 1, 2, expected 1, 3"));
    }

    [Test]
    public void A_statistic_passes_within_its_bound_only()
    {
        var comparison = new Comparison(1e-9);
        comparison.Statistic("within", 5.9, 6);
        Assert.That(comparison.Result("fixture").WorstError, Is.Zero);
        comparison.Statistic("beyond", 6.1, 6);
        Assert.That(comparison.Result("fixture").Passed, Is.False);
    }

    [Test]
    public void A_fixture_that_throws_has_failed_with_its_reason()
    {
        var result = FixtureResult.Guard("a", () => throw new InvalidDataException("two\nlines"));
        Assert.That((result.Name, result.Outcome), Is.EqualTo(("a", FixtureOutcome.Failed)));
        Assert.That(result.Detail, Is.EqualTo("InvalidDataException: two lines"));
    }

    [Test]
    public void A_wish_to_stop_is_no_failed_fixture() =>
        Assert.That(
            () => FixtureResult.Guard("a", () => throw new OperationCanceledException()),
            Throws.TypeOf<OperationCanceledException>()
        );

    [Test]
    public void Against_float64_each_side_has_its_own_error()
    {
        var comparison = new Comparison(1) { Keeps = true };
        comparison.Numbers("near", [1.001, 2], [1, 2]);
        comparison.Numbers("far", [4, 10], [4, 10.5], yardstick: 20);
        var wide = new Comparison(1) { Keeps = true };
        wide.Numbers("near", [1, 2], [1, 2]);
        wide.Numbers("far", [4, 10.1], [4, 10.5]);
        var errors = comparison.Against(wide);
        // 0.001 of 2 and 0.1 of 20; 0 and 0.4 of 20.
        Assert.That(errors.Computed, Is.EqualTo(0.1 / 20).Within(1e-12));
        Assert.That(errors.ComputedWhere, Is.EqualTo("far"));
        Assert.That(errors.Recorded, Is.EqualTo(0.4 / 20).Within(1e-12));
        Assert.That(errors.RecordedWhere, Is.EqualTo("far"));
    }

    [Test]
    public void Computations_that_compared_other_numbers_are_refused()
    {
        var kept = new Comparison(1) { Keeps = true };
        kept.Numbers("a", [1], [1]);
        var other = new Comparison(1) { Keeps = true };
        other.Numbers("b", [1], [1]);
        Assert.That(() => kept.Against(other), Throws.ArgumentException);
        var unkept = new Comparison(1);
        unkept.Numbers("a", [1], [1]);
        Assert.That(() => unkept.Against(kept), Throws.ArgumentException);
    }
}
