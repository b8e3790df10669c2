// What a run keeps. More of the same gradient helps until it overshoots, and a reward that rises does not say when: so the saved steps
// and a few strengths are painted on prompts that are neither trained on nor measured by, and a judge that was not trained against
// chooses. Candidates are opened from the run's folder as anyone would open them.

using FlowBP.Training.Configuration;
using FlowBP.Training.Devices;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Runs;

/// <summary>A step at a strength, and what the choosing judge says of it.</summary>
/// <param name="Step">Updates made.</param>
/// <param name="Strength">As <see cref="ModelSettings.Strength"/>.</param>
/// <param name="Score">Mean of the judge's scores over all pictures.</param>
public sealed record Candidate(int Step, double Strength, double Score)
{
    /// <summary>The candidate of the highest score; of equal ones the weakest, then the earliest.</summary>
    /// <param name="candidates">At least one.</param>
    public static Candidate Best(IEnumerable<Candidate> candidates) =>
        candidates
            .OrderByDescending(candidate => candidate.Score)
            .ThenBy(candidate => candidate.Strength)
            .ThenBy(candidate => candidate.Step)
            .First();
}

/// <summary>What was chosen, and from what.</summary>
/// <param name="Metric">The judge's metric.</param>
/// <param name="Prompts">Prompts that were chosen on.</param>
/// <param name="Base">Mean of the base model's scores on them.</param>
/// <param name="Kept">The best of them, <see cref="Candidate.Best"/>.</param>
/// <param name="Candidates">All of them.</param>
public sealed record Selection(
    string Metric,
    int Prompts,
    double Base,
    Candidate Kept,
    IReadOnlyList<Candidate> Candidates
);

/// <summary>Chooses a step and a strength.</summary>
/// <param name="config">The run.</param>
/// <param name="observer">Hears of the progress.</param>
/// <param name="device">Where candidates paint.</param>
/// <param name="prompts">What they are chosen on.</param>
/// <param name="judges">Who is asked; the settings say whose word counts.</param>
internal sealed class ModelSelection(
    AlignmentConfig config,
    IAlignmentObserver observer,
    ComputeDevice device,
    IReadOnlyList<string> prompts,
    IReadOnlyList<IPictureJudge> judges
)
{
    private readonly string metric = ChoosingJudge.MetricOf(config.Selection.Select);

    private readonly ImageEvaluator evaluator = ChoosingJudge.Evaluator(
        config,
        prompts,
        ChoosingJudge.Of(config.Selection.Select, judges, "select"),
        observer.Notice
    );

    /// <summary>Paints all candidates and chooses.</summary>
    /// <param name="trained">Folder of the weights of each saved step: of models, or of adapters.</param>
    /// <param name="adapters">Whether they are adapters.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    public Selection Run(IReadOnlyDictionary<int, string> trained, bool adapters, CancellationToken cancellation)
    {
        var start = Score(config.Model, "base", cancellation);
        List<Candidate> candidates = [];
        foreach (var (step, folder) in trained.OrderBy(saved => saved.Key))
        {
            foreach (var strength in config.Selection.Strengths)
            {
                var label = FormattableString.Invariant($"step {step} at strength {strength}");
                var settings = At(config.Model, folder, adapters, strength);
                candidates.Add(new(step, strength, Score(settings, label, cancellation)));
            }
        }
        return new(metric, prompts.Count, start, Candidate.Best(candidates), candidates);
    }

    /// <summary>The settings that open a saved step at a strength.</summary>
    /// <param name="model">The run's model, which is what was aligned.</param>
    /// <param name="folder">The saved step.</param>
    /// <param name="adapters">Whether it is an adapter.</param>
    /// <param name="strength">The strength.</param>
    public static ModelSettings At(ModelSettings model, string folder, bool adapters, double strength) =>
        adapters
            ? model with
            {
                LoraWeights = folder,
                LoraScale = 1,
                Strength = strength,
            }
            : model with
            {
                Model = folder,
                Transformer = null,
                Strength = strength,
                StrengthBase = strength == 1 ? null : model.Model,
            };

    private double Score(ModelSettings settings, string label, CancellationToken cancellation)
    {
        observer.Stage($"choosing: {label}");
        using var model = settings.Open(device, prompts, observer.Notice);
        var result = evaluator.Run(model, cancellation);
        return result.Of(metric)!.Scores.Average();
    }
}
