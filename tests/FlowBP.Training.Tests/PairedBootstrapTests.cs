using FlowBP.RandomStreams;
using FlowBP.Training.Evaluation;

namespace FlowBP.Training.Tests;

public class PairedBootstrapTests
{
    [Test]
    public void Equal_values_have_a_gain_of_exactly_zero()
    {
        double[] values = [0.1, 0.7, 0.2];
        var gain = PairedBootstrap.Compare(values, values);
        Assert.That((gain.Base, gain.Aligned), Is.EqualTo((values.Average(), values.Average())));
        Assert.That(gain.Gain, Is.Zero);
        Assert.That(gain.GainCi95, Is.EqualTo(new[] { 0.0, 0.0 }));
    }

    [Test]
    public void Pairing_removes_what_prompts_have_in_common()
    {
        double[] before = [-100, 0, 100, 1000];
        var gain = PairedBootstrap.Compare(before, [.. before.Select(value => value + 0.5)]);
        Assert.That(gain.Gain, Is.EqualTo(0.5));
        Assert.That(gain.GainCi95, Is.EqualTo(new[] { 0.5, 0.5 }));
    }

    [Test]
    public void The_interval_of_many_normal_gains_is_the_normal_one()
    {
        const int count = 400;
        var after = Normal(1, count, mean: 0.3);
        var gain = PairedBootstrap.Compare(new double[count], after);
        var deviation = Math.Sqrt(after.Average(value => Math.Pow(value - gain.Gain, 2)) / count);
        Assert.That(gain.GainCi95[0], Is.EqualTo(gain.Gain - 1.96 * deviation).Within(0.1 * deviation));
        Assert.That(gain.GainCi95[1], Is.EqualTo(gain.Gain + 1.96 * deviation).Within(0.1 * deviation));
    }

    // A percentile interval of 20 normal values covers about 92 % of the means: 5 of 60 are missed. Intervals of 80 % and
    // of 99.9 % would miss 13 and none.
    [Test]
    public void The_interval_misses_the_true_gain_about_as_often_as_it_says()
    {
        const double truth = 0.2;
        var missed = Enumerable
            .Range(0, 60)
            .Select(i => PairedBootstrap.Compare(new double[20], Normal(i + 10, 20, truth), (ulong)i).GainCi95)
            .Count(interval => truth < interval[0] || truth > interval[1]);
        Assert.That(missed, Is.InRange(1, 10));
    }

    [Test]
    public void A_seed_fixes_the_interval()
    {
        var after = Normal(2, 20, 0);
        var first = PairedBootstrap.Compare(new double[20], after, 7).GainCi95;
        Assert.That(PairedBootstrap.Compare(new double[20], after, 7).GainCi95, Is.EqualTo(first));
        Assert.That(PairedBootstrap.Compare(new double[20], after, 8).GainCi95, Is.Not.EqualTo(first));
    }

    [TestCase(1, 0.5, null)]
    [TestCase(5, 0.5, null)]
    [TestCase(5, 0, null)]
    [TestCase(6, 0.5, 1)]
    [TestCase(6, -0.5, -1)]
    [TestCase(6, 0, 0)]
    public void Of_few_prompts_no_direction_is_told(int prompts, double change, int? expected)
    {
        var gain = PairedBootstrap.Compare(new double[prompts], [.. Enumerable.Repeat(change, prompts)]);
        Assert.That((gain.Prompts, gain.Direction), Is.EqualTo((prompts, expected)));
    }

    [TestCase(0, 0)]
    [TestCase(2, 3)]
    public void Lists_that_cannot_be_paired_are_refused(int before, int after) =>
        Assert.That(() => PairedBootstrap.Compare(new double[before], new double[after]), Throws.ArgumentException);

    private static double[] Normal(long index, int count, double mean)
    {
        var values = new double[count];
        RandomStream.For(11, index, 0, RandomPurpose.InitialNoise).FillNormal(values);
        return [.. values.Select(value => value + mean)];
    }
}
