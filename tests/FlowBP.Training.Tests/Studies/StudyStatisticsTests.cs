using FlowBP.Training.Evaluation;
using FlowBP.Training.Studies;

namespace FlowBP.Training.Tests.Studies;

/// <summary>Intervals over seeds and prompts against closed forms.</summary>
public class StudyStatisticsTests
{
    // One and two degrees of freedom have closed forms; the others are tabulated (Abramowitz and Stegun 1964, table 26.10, to more digits).
    [TestCase(3, 3.182446305)]
    [TestCase(4, 2.776445105)]
    [TestCase(5, 2.570581836)]
    [TestCase(9, 2.262157163)]
    [TestCase(10, 2.228138852)]
    [TestCase(30, 2.042272456)]
    public void Bounds_are_those_of_tables(int freedom, double bound) =>
        Assert.That(StudentT.Bound(0.95, freedom), Is.EqualTo(bound).Within(1e-9));

    [Test]
    public void Bounds_of_one_and_two_degrees_are_closed_forms()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(StudentT.Bound(0.95, 1), Is.EqualTo(Math.Tan(0.475 * Math.PI)).Within(1e-10));
            Assert.That(StudentT.Bound(0.95, 2), Is.EqualTo(0.95 * Math.Sqrt(2 / (1 - 0.95 * 0.95))).Within(1e-12));
            Assert.That(StudentT.Within(1, 1), Is.EqualTo(0.5).Within(1e-15));
            Assert.That(StudentT.Within(0, 7), Is.Zero);
            Assert.That(() => StudentT.Bound(0.95, 0), Throws.InstanceOf<ArgumentOutOfRangeException>());
        }
    }

    [Test]
    public void An_interval_over_seeds_is_the_mean_and_t_standard_errors()
    {
        var interval = SeededGain.SeedInterval([1, 2, 3, 4, 5])!;
        var half = 2.776445105197799 * Math.Sqrt(2.5) / Math.Sqrt(5);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(interval[0], Is.EqualTo(3 - half).Within(1e-12));
            Assert.That(interval[1], Is.EqualTo(3 + half).Within(1e-12));
            Assert.That(SeededGain.SeedInterval([2]), Is.Null);
            Assert.That(SeededGain.SeedInterval([2, 2, 2]), Is.EqualTo(new[] { 2.0, 2.0 }));
        }
    }

    [Test]
    public void An_interval_over_prompts_is_that_of_each_prompt_s_mean_over_seeds()
    {
        double[][] before =
        [
            [0, 1, 2, 3, 4, 5],
            [1, 1, 2, 2, 3, 3],
        ];
        double[][] after =
        [
            [1, 1, 3, 3, 5, 6],
            [2, 2, 2, 3, 3, 5],
        ];
        var gain = SeededGain.Of(before, after);
        var paired = PairedBootstrap.Compare([0.5, 1, 2, 2.5, 3.5, 4], [1.5, 1.5, 2.5, 3, 4, 5.5]);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(gain.PromptCi95, Is.EqualTo(paired.GainCi95));
            Assert.That(gain.Gain, Is.EqualTo(4.5 / 6).Within(1e-15));
            Assert.That(gain.BySeed, Is.EqualTo(new[] { 4 / 6.0, 5 / 6.0 }).Within(1e-15));
            Assert.That((gain.Before, gain.After, gain.Prompts), Is.EqualTo((13.5 / 6, 18.0 / 6, 6)));
        }
    }

    [Test]
    public void A_direction_needs_both_intervals()
    {
        double[] zeros = [0, 0, 0, 0, 0, 0];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Direction([1, 1, 1, 1, 1, 1], [1.1, 1, 1, 1, 1, 1]), Is.EqualTo(1));
            Assert.That(Direction([-1, -1, -1, -1, -1, -1], [-1.1, -1, -1, -1, -1, -1]), Is.EqualTo(-1));
            // Every prompt rises, and the seeds disagree.
            Assert.That(Direction([3, 3, 3, 3, 3, 3], [-1, -1, -1, -1, -1, -1]), Is.Zero);
            // The seeds agree, and one prompt alone rises.
            Assert.That(Direction([6, 0, 0, 0, 0, 0], [6, 0, 0, 0, 0, 0]), Is.Zero);
            Assert.That(
                SeededGain
                    .Of(
                        [zeros],
                        [
                            [1, 1, 1, 1, 1, 1],
                        ]
                    )
                    .Direction,
                Is.Null,
                "one seed"
            );
            Assert.That(
                SeededGain
                    .Of(
                        [
                            [0, 0],
                            [0, 0],
                        ],
                        [
                            [1, 1],
                            [1, 1],
                        ]
                    )
                    .Direction,
                Is.Null,
                "two prompts"
            );
            Assert.That(() => SeededGain.Of([zeros], [zeros, zeros]), Throws.ArgumentException);
            Assert.That(() => SeededGain.Of([zeros, [1]], [zeros, zeros]), Throws.ArgumentException);
        }

        int? Direction(double[] first, double[] second) => SeededGain.Of([zeros, zeros], [first, second]).Direction;
    }

    [Test]
    public void The_spread_of_pictures_is_the_root_of_their_mean_variance()
    {
        using var scope = torch.NewDisposeScope();
        var spread = new PictureSpread();
        // Two prompts in turn, three pictures each of four elements.
        float[][] pictures =
        [
            [0, 0, 1, 1],
            [5, 5, 5, 5],
            [1, 0, 1, 0],
            [5, 5, 5, 5],
            [0, 0, 0, 1],
            [5, 5, 5, 5],
        ];
        List<double> added = [];
        foreach (var pair in pictures.Chunk(2))
        {
            added.AddRange(spread.Score(torch.tensor([.. pair[0], .. pair[1]]).reshape(2, 1, 2, 2), ["a", "b"]));
        }
        // Elements of a: (0, 1, 0), (0, 0, 0), (1, 1, 0), (1, 0, 1), each with sum of squares 2/3 but the second.
        using (Assert.EnterMultipleScope())
        {
            Assert.That(spread.Of("a"), Is.EqualTo(Math.Sqrt(3 * (2 / 3.0) / 4 / 2)).Within(1e-15));
            Assert.That(spread.Of("b"), Is.Zero);
            Assert.That(spread.Of("c"), Is.Null);
            Assert.That(added[0] + added[2] + added[4], Is.EqualTo(0.5).Within(1e-15));
        }
    }
}
