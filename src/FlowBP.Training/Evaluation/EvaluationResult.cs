// What an evaluation leaves: a number per picture and judge, and the few pictures that people look at. All pictures of an
// evaluation at 512 × 512 would take gigabytes.

using FlowBP.Shapes;

namespace FlowBP.Training.Evaluation;

/// <summary>A picture that is shown, with what was asked for and what is said of it.</summary>
/// <param name="Prompt">The prompt.</param>
/// <param name="Planes">RGB planes, [3, Y, X] in [0, 1].</param>
/// <param name="Reward">The training reward.</param>
/// <param name="Verdict">What the rules say; null without them.</param>
public sealed record ShownPicture(string Prompt, float[] Planes, double Reward, Verdict? Verdict);

/// <summary>
/// What the judges say of one model, one entry per picture: picture n of prompt p is entry n·P + p, so that the first P
/// entries are one picture of each prompt.
/// </summary>
public sealed record EvaluationResult
{
    /// <summary>The prompts, P.</summary>
    public required IReadOnlyList<string> Prompts { get; init; }

    /// <summary>Scores of the training reward.</summary>
    public required double[] Reward { get; init; }

    /// <summary>Scores of the held-out reward; null without one.</summary>
    public double[]? HeldOutReward { get; init; }

    /// <summary>Verdicts of the rules; null where prompts or pictures are not of the embedded world.</summary>
    public Verdict[]? Rules { get; init; }

    /// <summary>GenEval's task of each prompt (P entries); null with <see cref="Rules"/>.</summary>
    public GenEvalTask[]? Tasks { get; init; }

    /// <summary>One picture of each of a few prompts, those of <see cref="ImageEvaluator.Shown"/>; no other is kept.</summary>
    public required IReadOnlyList<ShownPicture> Shown { get; init; }

    /// <summary>Rows of pixels of a picture.</summary>
    public required int Height { get; init; }

    /// <summary>Pixels per row of a picture.</summary>
    public required int Width { get; init; }

    /// <summary>Share of the pictures that the rules find right, in [0, 1]; null without rules.</summary>
    public double? Accuracy => Rules?.Average(verdict => verdict.Correct ? 1.0 : 0.0);
}
