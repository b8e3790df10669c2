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
    private readonly Tensor[] start;
    private readonly SortedDictionary<int, Tensor[]> kept = [];

    /// <summary>Remembers the model as it is: the base.</summary>
    /// <param name="model">The model, before it is trained.</param>
    /// <param name="evaluator">Paints the prompts of choices.</param>
    /// <param name="metric">The judge's metric.</param>
    /// <param name="strengths">What is tried, the weakest first.</param>
    public StrengthChoice(TextToImage model, ImageEvaluator evaluator, string metric, IReadOnlyList<double> strengths)
    {
        (this.evaluator, this.metric, this.strengths) = (evaluator, metric, strengths);
        start = Copies(model);
    }

    /// <summary>Remembers the model after some updates.</summary>
    /// <param name="step">Updates made.</param>
    /// <param name="model">The model, with the weights that would be saved.</param>
    public void Keep(int step, TextToImage model) => kept[step] = Copies(model);

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
                Set(model, weights, strength);
                var score = evaluator.Run(model, cancellation).Of(metric)!.Scores.Average();
                candidates.Add(new(step, strength, score));
            }
        }
        var best = candidates
            .OrderByDescending(candidate => candidate.Score)
            .ThenBy(candidate => candidate.Strength)
            .ThenBy(candidate => candidate.Step)
            .First();
        Set(model, kept[best.Step], best.Strength);
        return best;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in kept.Values.Append(start).SelectMany(tensors => tensors))
        {
            tensor.Dispose();
        }
    }

    private void Set(TextToImage model, Tensor[] weights, double strength)
    {
        using var noGrad = torch.no_grad();
        foreach (var ((name, parameter), (from, to)) in model.TrainedParameters.Zip(start.Zip(weights)))
        {
            using var scope = torch.NewDisposeScope();
            parameter.copy_(strength == 1 ? to : from + (to - from) * strength);
            model.Masters?.Narrow[name].copy_(parameter);
        }
    }

    private static Tensor[] Copies(TextToImage model)
    {
        using var noGrad = torch.no_grad();
        return [.. model.TrainedParameters.Select(each => each.Parameter.detach().clone().DetachFromDisposeScope())];
    }
}
