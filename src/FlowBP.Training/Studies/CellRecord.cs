// What is kept of one cell: enough for every table, interval and plot, so that none of them needs a model.

using FlowBP.Training.Evaluation;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Studies;

/// <summary>What one judge says of a model.</summary>
/// <param name="Metric">As <see cref="IPictureJudge.Metric"/>.</param>
/// <param name="IsShare">As <see cref="IPictureJudge.IsShare"/>.</param>
/// <param name="Scores">A value per prompt: the mean over its pictures from all draws of noise.</param>
public sealed record MetricScores(string Metric, bool IsShare, double[] Scores);

/// <summary>A model on its way.</summary>
/// <param name="Step">Updates made.</param>
/// <param name="Means">Means by metric, over the pictures of the first draw of noise.</param>
public sealed record CurvePoint(int Step, IReadOnlyDictionary<string, double> Means);

/// <summary>How far a leap to the end misses.</summary>
/// <param name="Arm">Whose leaps.</param>
/// <param name="Length">Steps that it spans.</param>
/// <param name="Error">mean|x̂_N − x_N| over prompts and elements.</param>
public sealed record LeapError(string Arm, int Length, double Error);

/// <summary>What training says of itself, a value per step. Null: the method has no such figure.</summary>
public sealed record TrainingSeries
{
    /// <summary>Mean training reward of the batch.</summary>
    public required IReadOnlyList<double> Reward { get; init; }

    /// <summary>δ_j.</summary>
    public IReadOnlyList<double?>? SplitDeviation { get; init; }

    /// <summary>δ_N.</summary>
    public IReadOnlyList<double?>? EndDeviation { get; init; }

    /// <summary>‖v‖/‖v_ref‖.</summary>
    public IReadOnlyList<double?>? VelocityNormRatio { get; init; }
}

/// <summary>A cell that is done.</summary>
public sealed record CellRecord
{
    /// <summary>Name of the arm.</summary>
    public required string Arm { get; init; }

    /// <summary>Seed of the training; null: the base model.</summary>
    public long? Seed { get; init; }

    /// <summary>Updates made.</summary>
    public required int Steps { get; init; }

    /// <summary>Wall time of the cell; the only figure that another run has otherwise.</summary>
    public required double Seconds { get; init; }

    /// <summary>Why it is not measured: what was not finite. Null: it is measured.</summary>
    public string? Failure { get; init; }

    /// <summary>What the judges say.</summary>
    public required IReadOnlyList<MetricScores> Metrics { get; init; }

    /// <summary>The model on its way, in the order of steps; of the base model step 0 alone.</summary>
    public required IReadOnlyList<CurvePoint> Curve { get; init; }

    /// <summary>The training; null: the base model.</summary>
    public TrainingSeries? Training { get; init; }

    /// <summary>What the alarm did; null: nobody watched.</summary>
    public HackingOutcome? Hacking { get; init; }

    /// <summary>What was chosen on the prompts of choices; null: nothing was.</summary>
    public Candidate? Kept { get; init; }

    /// <summary>Of the base model: kinds of prompts.</summary>
    public IReadOnlyList<PromptGroup>? Groups { get; init; }

    /// <summary>Of the base model: errors of leaps, where the study measures them.</summary>
    public IReadOnlyList<LeapError>? LeapErrors { get; init; }
}
