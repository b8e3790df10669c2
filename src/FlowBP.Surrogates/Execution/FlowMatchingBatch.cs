// Shape legend: B batch, … the dimensions of one latent.

namespace FlowBP.Surrogates;

/// <summary>Data of a flow-matching loss, and what is drawn for it. Owns its tensors and its conditioning.</summary>
public sealed record FlowMatchingBatch : IDisposable
{
    /// <summary>x, latents of the data [B, …] as the network takes them; Float32 or Float64.</summary>
    public required Tensor Latents_B { get; init; }

    /// <summary>ε [B, …], standard normal, of the same type.</summary>
    public required Tensor Noise_B { get; init; }

    /// <summary>t of each sample [B], in [0, 1]: 0 is the data, 1 the noise.</summary>
    public required IReadOnlyList<double> Times { get; init; }

    /// <summary>Of the captions, batch B. With a negative branch the guided velocity is trained, without one the network's own.</summary>
    public required Conditioning Conditioning { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Latents_B.Dispose();
        Noise_B.Dispose();
        Conditioning.Dispose();
    }
}

/// <summary>What a flow-matching loss comes to.</summary>
/// <param name="Loss">These samples' part of the loss, weight included.</param>
/// <param name="Evaluations">Network evaluations; as many pullbacks.</param>
public readonly record struct FlowMatchingReport(double Loss, Evaluations Evaluations);
