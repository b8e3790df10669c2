namespace FlowBP.Training.Optimization;

/// <summary>A parameter and all that its next updates depend on.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">The value that is trained, whether or not the parameter holds the average at present.</param>
/// <param name="Average">The moving average; null: none is kept.</param>
/// <param name="ExpAvg">First moment.</param>
/// <param name="ExpAvgSq">Second moment.</param>
/// <param name="Steps">Updates that it had.</param>
public sealed record ParameterState(
    string Name,
    Tensor Value,
    Tensor? Average,
    Tensor ExpAvg,
    Tensor ExpAvgSq,
    long Steps
);
