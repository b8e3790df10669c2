using FlowBP.Training.Alignment;
using FlowBP.Training.Evaluation;

namespace FlowBP.Training.Runs;

/// <summary>Hears what a run does, as it does it; the command line draws its progress from this.</summary>
public interface IAlignmentObserver
{
    /// <summary>A phase begins: <c>loading</c>, <c>evaluating the base model</c>, <c>training</c> …</summary>
    void Stage(string name);

    /// <summary>A training step is done.</summary>
    void Step(StepReport report, int steps);

    /// <summary>A model has been evaluated: <c>base</c> or <c>aligned</c>.</summary>
    void Evaluated(string label, EvaluationResult result);

    /// <summary>The run is over and evaluated. An observer that draws may draw it; the others do nothing.</summary>
    /// <param name="path">The PNG file, one of the run's own.</param>
    /// <param name="curve">How it went.</param>
    void Draw(string path, TrainingCurve curve) { }

    /// <summary>Something the user should know but need not act upon.</summary>
    void Notice(string text);
}
