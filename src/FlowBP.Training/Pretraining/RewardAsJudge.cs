// What a reward is worth as a judge of painted pictures: how often it prefers the picture that the rules pass.

using FlowBP.Shapes;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Pretraining;

/// <summary>A reward's agreement with the rules on some pictures.</summary>
/// <param name="Pictures">How many.</param>
/// <param name="Passing">Share that the rules pass.</param>
/// <param name="Auc">
/// Area under the receiver operating characteristic: how often a passing picture scores above a failing one, of whatever prompts;
/// equal scores count half. NaN where all pass or all fail.
/// </param>
/// <param name="Pairs">Pairs of a passing and a failing picture of one prompt.</param>
/// <param name="PairsRight">Share of these pairs in which the passing one scores higher; NaN where there is none.</param>
/// <param name="PassingMedian">
/// The median score of passing pictures: what <c>hinge_lambda</c> can be, where a sample that is as good as those is to pull no more. NaN
/// where none passes.
/// </param>
public sealed record RewardAgreement(
    int Pictures,
    double Passing,
    double Auc,
    long Pairs,
    double PairsRight,
    double PassingMedian
)
{
    /// <summary>Measures the agreement.</summary>
    /// <param name="scores">The reward's scores, one per picture.</param>
    /// <param name="passes">The rules' verdicts.</param>
    /// <param name="prompts">What each picture was painted for: pictures of equal prompts are compared as pairs.</param>
    /// <exception cref="ArgumentException">The lists differ in length.</exception>
    public static RewardAgreement Of(
        IReadOnlyList<double> scores,
        IReadOnlyList<bool> passes,
        IReadOnlyList<string> prompts
    )
    {
        if (scores.Count != passes.Count || scores.Count != prompts.Count)
        {
            throw new ArgumentException(
                $"found {scores.Count} scores, {passes.Count} verdicts and {prompts.Count} prompts, expected as many of each"
            );
        }
        var rows = Enumerable.Range(0, scores.Count).ToArray();
        var all = Compare(rows, scores, passes);
        var (pairs, right) = rows.GroupBy(row => prompts[row])
            .Select(group => Compare([.. group], scores, passes))
            .Aggregate((Pairs: 0L, Right: 0.0), (sum, of) => (sum.Pairs + of.Pairs, sum.Right + of.Right));
        return new(
            scores.Count,
            passes.Average(pass => pass ? 1.0 : 0.0),
            all.Right / all.Pairs,
            pairs,
            right / pairs,
            Median([.. rows.Where(row => passes[row]).Select(row => scores[row]).Order()])
        );
    }

    private static double Median(double[] sorted) =>
        sorted.Length == 0 ? double.NaN : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;

    // All pairs of a passing and a failing picture, and in how many the passing one scores higher.
    private static (long Pairs, double Right) Compare(
        int[] rows,
        IReadOnlyList<double> scores,
        IReadOnlyList<bool> passes
    )
    {
        double[] passing = [.. rows.Where(row => passes[row]).Select(row => scores[row])];
        double[] failing = [.. rows.Where(row => !passes[row]).Select(row => scores[row]).Order()];
        var right = passing.Sum(score => (Below(failing, score) + BelowOrEqual(failing, score)) / 2.0);
        return ((long)passing.Length * failing.Length, right);
    }

    private static int Below(double[] sorted, double value) => FirstIndex(sorted, other => other >= value);

    private static int BelowOrEqual(double[] sorted, double value) => FirstIndex(sorted, other => other > value);

    // Of a sorted list, by halves.
    private static int FirstIndex(double[] sorted, Func<double, bool> reached)
    {
        var (low, high) = (0, sorted.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = reached(sorted[middle]) ? (low, middle) : (middle + 1, high);
        }
        return low;
    }
}

/// <summary>Rewards as judges of painted pictures.</summary>
internal static class RewardAsJudge
{
    private const int Batch = 64;

    /// <summary>The agreement over all pictures, under the name <c>all</c>, and over those of each task that has any.</summary>
    /// <param name="reward">The reward.</param>
    /// <param name="pictures">Pictures that it was not trained on.</param>
    public static IReadOnlyDictionary<string, RewardAgreement> Measure(IImageReward reward, JudgedPictures pictures)
    {
        List<double> scores = [];
        foreach (var part in Enumerable.Range(0, pictures.Prompts.Count).Chunk(Batch))
        {
            using var scope = torch.NewDisposeScope();
            using var noGrad = torch.no_grad();
            using var conditioning = reward.Encode([.. part.Select(picture => pictures.Prompts[picture].Text)]);
            var score_B = reward.Score(pictures.Images(part), conditioning).to(ScalarType.Float64);
            scores.AddRange(score_B.data<double>().ToArray());
        }
        var agreements = new Dictionary<string, RewardAgreement> { ["all"] = Of(_ => true) };
        foreach (var task in GenEvalTasks.All.Where(task => pictures.Prompts.Any(prompt => prompt.Task == task)))
        {
            agreements[task.Name()] = Of(prompt => prompt.Task == task);
        }
        return agreements;

        RewardAgreement Of(Func<Prompt, bool> included)
        {
            int[] rows = [.. Enumerable.Range(0, scores.Count).Where(row => included(pictures.Prompts[row]))];
            return RewardAgreement.Of(
                [.. rows.Select(row => scores[row])],
                [.. rows.Select(row => pictures.Passes[row])],
                [.. rows.Select(row => pictures.Prompts[row].Text)]
            );
        }
    }
}
