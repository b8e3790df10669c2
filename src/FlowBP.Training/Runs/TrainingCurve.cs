using FlowBP.Training.Alignment;
using FlowBP.Training.Evaluation;

namespace FlowBP.Training.Runs;

/// <summary>How a run went, for whoever draws it.</summary>
/// <param name="Method">Name of the method.</param>
/// <param name="HingeLambda">The reward above which a sample does not pull.</param>
/// <param name="Steps">The training, step by step.</param>
/// <param name="Evaluations">
/// What the judges said and after how many updates: of the base model, on the way, and of the model that was kept.
/// </param>
public sealed record TrainingCurve(
    string Method,
    double HingeLambda,
    IReadOnlyList<StepReport> Steps,
    IReadOnlyList<(int Step, EvaluationResult Result)> Evaluations
);
