// What is asked about the pictures of a model: the training reward, the held-out one, the rules, and how much the pictures of a prompt
// differ. Several draws of noise are several evaluations of the same prompts.

using FlowBP.Training.Configuration;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Studies;

/// <summary>What the judges say of a model.</summary>
/// <param name="Scores">By metric, over all draws of noise.</param>
/// <param name="First">Means by metric, over the first draw.</param>
/// <param name="Groups">Kinds of prompts.</param>
internal sealed record Judged(
    IReadOnlyList<MetricScores> Scores,
    IReadOnlyDictionary<string, double> First,
    IReadOnlyList<PromptGroup> Groups
);

/// <summary>Evaluates models on the prompts of the test split.</summary>
/// <param name="config">The settings that all arms have.</param>
/// <param name="prompts">The prompts.</param>
/// <param name="noiseSeeds">A seed per draw of noise.</param>
/// <param name="reward">The training reward.</param>
/// <param name="heldOut">The held-out reward; null: there is none.</param>
/// <param name="notice">Hears why a judge says nothing.</param>
internal sealed class StudyEvaluation(
    AlignmentConfig config,
    IReadOnlyList<string> prompts,
    IReadOnlyList<long> noiseSeeds,
    IImageReward reward,
    IImageReward? heldOut,
    Action<string> notice
)
{
    private readonly IReadOnlyList<IPictureJudge> judges = PictureJudges.Of(prompts, reward, heldOut);

    /// <summary>Evaluates with all draws of noise.</summary>
    /// <param name="model">The model as it is.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    public Judged All(TextToImage model, CancellationToken cancellation)
    {
        var spread = new PictureSpread();
        Dictionary<string, double> first = [];
        List<EvaluationResult> results = [];
        foreach (var seed in noiseSeeds)
        {
            results.Add(Evaluate(model, seed, spread, cancellation));
            if (results.Count == 1)
            {
                first = Means(results[0], spread);
            }
        }
        var scores = results[0]
            .Judgements.Where(judgement => judgement.Metric != PictureSpread.MetricName)
            .Select(judgement => new MetricScores(
                judgement.Metric,
                judgement.IsShare,
                MeanOf([
                    .. results.Select(result =>
                        AlignmentSummary.OfPrompts(result, result.Of(judgement.Metric)!.Scores)
                    ),
                ])
            ));
        var spreads = Spreads(spread);
        return new(
            spreads is null ? [.. scores] : [.. scores, new(PictureSpread.MetricName, IsShare: false, spreads)],
            first,
            [.. results[0].Judgements.SelectMany(judgement => judgement.Groups).DistinctBy(group => group.Name)]
        );
    }

    /// <summary>Means by metric, with the first draw of noise.</summary>
    /// <param name="model">The model as it is.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    public IReadOnlyDictionary<string, double> First(TextToImage model, CancellationToken cancellation)
    {
        var spread = new PictureSpread();
        return Means(Evaluate(model, noiseSeeds[0], spread, cancellation), spread);
    }

    private EvaluationResult Evaluate(
        TextToImage model,
        long seed,
        PictureSpread spread,
        CancellationToken cancellation
    ) =>
        new ImageEvaluator(
            prompts,
            [.. judges, spread],
            config.Model.SamplingSteps,
            (ulong)seed,
            config.Judges.EvalImagesPerPrompt,
            config.Judges.EvalBatchSize,
            notice
        ).Run(model, cancellation);

    private Dictionary<string, double> Means(EvaluationResult result, PictureSpread spread)
    {
        var means = result
            .Judgements.Where(judgement => judgement.Metric != PictureSpread.MetricName)
            .ToDictionary(judgement => judgement.Metric, judgement => judgement.Scores.Average());
        if (Spreads(spread) is { } spreads)
        {
            means[PictureSpread.MetricName] = spreads.Average();
        }
        return means;
    }

    private double[]? Spreads(PictureSpread spread)
    {
        double?[] values = [.. prompts.Select(spread.Of)];
        return values.Any(value => value is null) ? null : [.. values.Select(value => value!.Value)];
    }

    private static double[] MeanOf(double[][] draws) => [.. draws[0].Select((_, p) => draws.Average(draw => draw[p]))];
}
