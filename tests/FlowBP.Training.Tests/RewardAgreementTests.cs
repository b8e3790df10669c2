using FlowBP.RandomStreams;
using FlowBP.Training.Pretraining;

namespace FlowBP.Training.Tests;

/// <summary>A reward as a judge: the area under the curve, and pairs of one prompt.</summary>
public sealed class RewardAgreementTests
{
    [Test]
    public void Two_prompts_by_hand()
    {
        // a: 0.9 passes, 0.4 fails: right. b: 0.3 passes, 0.3 fails (half), 0.8 fails (wrong).
        var agreement = RewardAgreement.Of(
            [0.9, 0.4, 0.3, 0.3, 0.8],
            [true, false, true, false, false],
            ["a", "a", "b", "b", "b"]
        );
        using (Assert.EnterMultipleScope())
        {
            Assert.That(agreement.Pictures, Is.EqualTo(5));
            Assert.That(agreement.Passing, Is.EqualTo(0.4));
            Assert.That(agreement.Pairs, Is.EqualTo(3));
            Assert.That(agreement.PairsRight, Is.EqualTo(1.5 / 3));
            // Over all: 0.9 beats three, 0.3 ties with one: 3.5 of 6.
            Assert.That(agreement.Auc, Is.EqualTo(3.5 / 6));
            Assert.That(agreement.PassingMedian, Is.EqualTo((0.9 + 0.3) / 2));
        }
    }

    [Test]
    public void It_is_what_all_pairs_say()
    {
        var stream = RandomStream.For(3, 0, 0, RandomPurpose.Data);
        const int N = 300;
        // Coarse scores, so that many are equal.
        double[] scores = [.. Enumerable.Range(0, N).Select(_ => (double)stream.NextInt(20))];
        bool[] passes = [.. Enumerable.Range(0, N).Select(_ => stream.NextInt(3) == 0)];
        string[] prompts = [.. Enumerable.Range(0, N).Select(_ => $"prompt {stream.NextInt(40)}")];
        var (pairs, right, all, above) = (0L, 0.0, 0L, 0.0);
        for (var good = 0; good < N; good++)
        {
            for (var bad = 0; bad < N; bad++)
            {
                if (!passes[good] || passes[bad])
                {
                    continue;
                }
                var won =
                    scores[good] > scores[bad] ? 1
                    : scores[good] == scores[bad] ? 0.5
                    : 0;
                (all, above) = (all + 1, above + won);
                if (prompts[good] == prompts[bad])
                {
                    (pairs, right) = (pairs + 1, right + won);
                }
            }
        }
        var agreement = RewardAgreement.Of(scores, passes, prompts);
        Assert.That(agreement.Auc, Is.EqualTo(above / all).Within(1e-15));
        Assert.That(agreement.Pairs, Is.EqualTo(pairs));
        Assert.That(agreement.PairsRight, Is.EqualTo(right / pairs).Within(1e-15));
    }

    [Test]
    public void Where_all_pass_nothing_is_told()
    {
        var agreement = RewardAgreement.Of([1, 2], [true, true], ["a", "a"]);
        Assert.That(agreement.Auc, Is.NaN);
        Assert.That(agreement.PairsRight, Is.NaN);
        Assert.That(agreement.PassingMedian, Is.EqualTo(1.5));
        Assert.That(RewardAgreement.Of([1], [false], ["a"]).PassingMedian, Is.NaN);
        Assert.That(RewardAgreement.Of([3, 1, 2], [true, true, true], ["a", "a", "a"]).PassingMedian, Is.EqualTo(2));
        Assert.That(() => RewardAgreement.Of([1], [true, false], ["a", "a"]), Throws.ArgumentException);
    }
}
