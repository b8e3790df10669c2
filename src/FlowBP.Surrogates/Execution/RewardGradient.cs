// What the reward leaves behind once its graph is freed: one gradient per image, and the scores.
// Shape legend: R rows, copy-major: row c·B + b is copy c of sample b; copy 0 is not re-noised.

namespace FlowBP.Surrogates;

/// <summary>Scores, loss, and the gradient g of the loss at the reward input. Owns its tensors.</summary>
public sealed class RewardGradient : IDisposable
{
    /// <summary>x̂ [R, …] in the storage type: what the reward saw.</summary>
    public required Tensor Input_R { get; init; }

    /// <summary>g = ∂L/∂x̂ [R, …], Float32 or Float64, with the gradient divisor applied.</summary>
    public required Tensor Gradient_R { get; init; }

    /// <summary>x' of the re-noised copies [n·B, …] in the storage type; null if there are none.</summary>
    public required Tensor? Renoised_R { get; init; }

    /// <summary>r of each row; of a smoothed reward the mean over its copies.</summary>
    public required double[] Scores { get; init; }

    /// <summary>
    /// r of each row, for each copy of a smoothed reward: the perturbed ones, then the image itself where it is included. One entry
    /// without smoothing.
    /// </summary>
    public required IReadOnlyList<double[]> CopyScores { get; init; }

    /// <summary>‖g‖² of each row; 0: the row is past the hinge or filtered, and takes no part in what follows.</summary>
    public required double[] SquaredNorms { get; init; }

    /// <summary>This process's part of the loss, without the gradient divisor.</summary>
    public required double Loss { get; init; }

    /// <summary>Network evaluations of the re-noised copies.</summary>
    public required Evaluations Evaluations { get; init; }

    /// <summary>The mean score of the images that weren't re-noised.</summary>
    /// <param name="batch">B.</param>
    public double MeanScore(int batch) => Scores.Take(batch).Average();

    /// <inheritdoc/>
    public void Dispose()
    {
        Input_R.Dispose();
        Gradient_R.Dispose();
        Renoised_R?.Dispose();
    }
}
