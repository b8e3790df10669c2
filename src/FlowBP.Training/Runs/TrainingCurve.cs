namespace FlowBP.Training.Runs;

/// <summary>How a run went, for whoever draws it; one that goes on from a checkpoint is there from its start.</summary>
/// <param name="Method">Name of the method.</param>
/// <param name="HingeLambda">The reward above which a sample does not pull.</param>
/// <param name="Rewards">The batch's mean reward of each step that was not left out.</param>
/// <param name="Judged">What each judge said of the base model, on the way, and of the model that was kept.</param>
public sealed record TrainingCurve(
    string Method,
    double HingeLambda,
    IReadOnlyList<StepValue> Rewards,
    IReadOnlyList<JudgedCurve> Judged
);

/// <summary>A value at a step.</summary>
/// <param name="Step">Updates made; of a batch's reward, the number of its step.</param>
/// <param name="Value">The value.</param>
public readonly record struct StepValue(int Step, double Value);

/// <summary>The judgements of one judge.</summary>
/// <param name="Metric">Its metric.</param>
/// <param name="IsShare">As <see cref="Evaluation.IPictureJudge.IsShare"/>.</param>
/// <param name="Points">Means over all pictures.</param>
public sealed record JudgedCurve(string Metric, bool IsShare, IReadOnlyList<StepValue> Points);
