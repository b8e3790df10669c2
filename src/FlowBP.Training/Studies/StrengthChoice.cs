// As `align --select` chooses, in memory: the steps of the curve and a few strengths, judged on the prompts of choices.

using FlowBP.Training.Evaluation;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Studies;

/// <summary>Chooses a step and a strength, and gives the model its weights.</summary>
internal sealed class StrengthChoice : IDisposable
{
    private readonly ImageEvaluator evaluator;
    private readonly string metric;
    private readonly IReadOnlyList<double> strengths;
    private readonly WeightSnapshot start;
    private readonly SortedDictionary<int, WeightSnapshot> kept = [];

    /// <summary>Remembers the model as it is: the base.</summary>
    /// <param name="model">The model, before it is trained.</param>
    /// <param name="evaluator">Paints the prompts of choices.</param>
    /// <param name="metric">The judge's metric.</param>
    /// <param name="strengths">What is tried, the weakest first.</param>
    public StrengthChoice(TextToImage model, ImageEvaluator evaluator, string metric, IReadOnlyList<double> strengths)
    {
        (this.evaluator, this.metric, this.strengths) = (evaluator, metric, strengths);
        start = new(model);
    }

    /// <summary>Remembers the model after some updates.</summary>
    /// <param name="step">Updates made.</param>
    /// <param name="model">The model, with the weights that would be saved.</param>
    public void Keep(int step, TextToImage model) => kept[step] = new(model);

    /// <summary>Judges all candidates; the model has the chosen weights afterwards.</summary>
    /// <param name="model">The model.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    /// <returns>The candidate of the highest score; of equal ones the weakest, then the earliest.</returns>
    public Candidate Choose(TextToImage model, CancellationToken cancellation)
    {
        List<Candidate> candidates = [];
        foreach (var (step, weights) in kept)
        {
            foreach (var strength in strengths)
            {
                weights.Restore(model, start, strength);
                var score = evaluator.Run(model, cancellation).Of(metric)!.Scores.Average();
                candidates.Add(new(step, strength, score));
            }
        }
        var best = Candidate.Best(candidates);
        kept[best.Step].Restore(model, start, best.Strength);
        return best;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var weights in kept.Values.Append(start))
        {
            weights.Dispose();
        }
    }
}
