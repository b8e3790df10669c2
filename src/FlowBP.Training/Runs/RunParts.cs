using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Runs;

/// <summary>What the phases of a run work with; everything belongs to the run.</summary>
/// <param name="Config">The run as it was asked for.</param>
/// <param name="Observer">Hears of the progress.</param>
/// <param name="Model">The model.</param>
/// <param name="Trainer">Trains it.</param>
/// <param name="Evaluator">Judges it.</param>
/// <param name="Pictures">Draws what it paints.</param>
/// <param name="Output">The run's folder.</param>
/// <param name="Weights">Stores what is trained.</param>
/// <param name="Selection">Chooses what is kept; null: the last step as it was trained.</param>
/// <param name="Watch">Asks a judge whether training went too far; null: nobody does.</param>
/// <param name="Checkpoints">Saves checkpoints; null: there are none.</param>
/// <param name="Suspend">Says, of a wish to stop, that the run is to be gone on with later.</param>
internal sealed record RunParts(
    AlignmentConfig Config,
    IAlignmentObserver Observer,
    TextToImage Model,
    AlignmentTrainer Trainer,
    ImageEvaluator Evaluator,
    SamplePictures Pictures,
    OutputFolder Output,
    TrainedWeights Weights,
    ModelSelection? Selection,
    HackingWatch? Watch,
    RunCheckpoints? Checkpoints = null,
    CancellationToken Suspend = default
)
{
    /// <summary>The counters of the run.</summary>
    public RunProgress Progress { get; } = Checkpoints?.Progress ?? new();
}
