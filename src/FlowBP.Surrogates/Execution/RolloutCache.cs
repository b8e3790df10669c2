// What a rollout leaves behind: two contiguous tensors, so that one kernel launch covers all steps and samples.
// Shape legend: T steps, B batch, … the dimensions of one latent.

namespace FlowBP.Surrogates;

/// <summary>The cached states and velocities of a rollout. Owns its tensors.</summary>
/// <param name="x_TB">States x_0 … x_T [T + 1, B, …].</param>
/// <param name="v_TB">Velocities v_0 … v_{T−1} [T, B, …].</param>
/// <param name="stepsOf">
/// How many velocities were evaluated for each sample; its later velocities are zero and its later states repeat.
/// </param>
/// <param name="evaluations">What it cost.</param>
public sealed class RolloutCache(Tensor x_TB, Tensor v_TB, IReadOnlyList<int> stepsOf, Evaluations evaluations)
    : IDisposable
{
    /// <summary>States x_0 … x_T [T + 1, B, …], in the storage type; T is N unless every sample stopped before.</summary>
    public Tensor X_TB { get; } = x_TB;

    /// <summary>Velocities v_0 … v_{T−1} [T, B, …], in the storage type.</summary>
    public Tensor V_TB { get; } = v_TB;

    /// <summary>How many velocities were evaluated for each sample.</summary>
    public IReadOnlyList<int> StepsOf { get; } = stepsOf;

    /// <summary>Network evaluations spent.</summary>
    public Evaluations Evaluations { get; } = evaluations;

    /// <summary>B.</summary>
    public int Batch => StepsOf.Count;

    /// <summary>T.</summary>
    public int Steps => (int)V_TB.size(0);

    /// <summary>Forwards of active steps, kept for their pullbacks; null: none were.</summary>
    internal KeptForwards? Kept { get; init; }

    /// <summary>Bytes of the forwards that are kept for pullbacks; 0: none are.</summary>
    public long KeptBytes => Kept?.Bytes ?? 0;

    /// <summary>
    /// Cached states of some samples, each at a step of its own [n, …], copied.
    /// </summary>
    /// <param name="steps">Step of each.</param>
    /// <param name="samples">Batch index of each.</param>
    internal Tensor Gather(IReadOnlyList<int> steps, IReadOnlyList<int> samples) => Gather(X_TB, steps, samples);

    /// <summary>The same of the velocities.</summary>
    /// <param name="steps">Step of each.</param>
    /// <param name="samples">Batch index of each.</param>
    internal Tensor GatherVelocities(IReadOnlyList<int> steps, IReadOnlyList<int> samples) =>
        Gather(V_TB, steps, samples);

    private Tensor Gather(Tensor cache_TB, IReadOnlyList<int> steps, IReadOnlyList<int> samples)
    {
        using var index = torch.tensor(
            steps.Select((step, i) => ((long)step * Batch) + samples[i]).ToArray(),
            device: cache_TB.device
        );
        using var flat = cache_TB.flatten(0, 1);
        return flat.index_select(0, index);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        X_TB.Dispose();
        V_TB.Dispose();
        Kept?.Dispose();
    }
}
