// What an evaluation leaves: a number per picture and judge, and the few pictures that people look at. All pictures of an
// evaluation at 512 × 512 would take gigabytes.

namespace FlowBP.Training.Evaluation;

/// <summary>A picture that is shown, with what was asked for and what is said of it.</summary>
/// <param name="Prompt">The prompt.</param>
/// <param name="Planes">RGB planes, [3, Y, X] in [0, 1].</param>
/// <param name="Scores">One score per entry of <see cref="EvaluationResult.Judgements"/>, in its order.</param>
public sealed record ShownPicture(string Prompt, float[] Planes, IReadOnlyList<double> Scores);

/// <summary>What one judge says.</summary>
/// <param name="Metric">As <see cref="IPictureJudge.Metric"/>.</param>
/// <param name="IsShare">As <see cref="IPictureJudge.IsShare"/>.</param>
/// <param name="Scores">One score per picture, in the order of <see cref="EvaluationResult"/>.</param>
/// <param name="Groups">As <see cref="IPictureJudge.Groups"/>, of <see cref="EvaluationResult.Prompts"/>.</param>
public sealed record Judgement(string Metric, bool IsShare, double[] Scores, IReadOnlyList<PromptGroup> Groups);

/// <summary>
/// What the judges say of one model, one score per picture: picture n of prompt p is entry n·P + p, so that the first P
/// entries are one picture of each prompt.
/// </summary>
public sealed record EvaluationResult
{
    /// <summary>The prompts, P.</summary>
    public required IReadOnlyList<string> Prompts { get; init; }

    /// <summary>The judges that pictures of this size could be shown to, the training reward first.</summary>
    public required IReadOnlyList<Judgement> Judgements { get; init; }

    /// <summary>One picture of each of a few prompts, those of <see cref="ImageEvaluator.Shown"/>; no other is kept.</summary>
    public required IReadOnlyList<ShownPicture> Shown { get; init; }

    /// <summary>Rows of pixels of a picture.</summary>
    public required int Height { get; init; }

    /// <summary>Pixels per row of a picture.</summary>
    public required int Width { get; init; }

    /// <summary>What the judge of a metric says; null where there was none.</summary>
    /// <param name="metric">As <see cref="IPictureJudge.Metric"/>.</param>
    public Judgement? Of(string metric) => Judgements.FirstOrDefault(judgement => judgement.Metric == metric);
}
