// What is diagnosed, without files and settings: fields, reward, parameters, and where prompts and noise come from.

using FlowBP.Surrogates;
using FlowBP.Training.Devices;

namespace FlowBP.Training.Diagnosis;

/// <summary>A velocity field and a reward whose gradients are compared. Owns nothing.</summary>
internal sealed record DiagnosisSubject
{
    /// <summary>The field with the negative branch a constant in gradients; null: nothing guides.</summary>
    public required IVelocityField? Detached { get; init; }

    /// <summary>The field with everything differentiated: that of the reference.</summary>
    public required IVelocityField Attached { get; init; }

    /// <summary>Whether methods are ordered by the first; only where there is one.</summary>
    public required bool OrdersByDetached { get; init; }

    /// <summary>The rollout's schedule.</summary>
    public required NoiseSchedule Schedule { get; init; }

    /// <summary>Where it computes.</summary>
    public required ComputeDevice Compute { get; init; }

    /// <summary>How a batch is cut up.</summary>
    public required ExecutorOptions Executor { get; init; }

    /// <summary>The reward.</summary>
    public required IReward Reward { get; init; }

    /// <summary>The loss.</summary>
    public required HingeLoss Hinge { get; init; }

    /// <summary>The leaves that the gradients are with respect to, Float32.</summary>
    public required IReadOnlyList<Tensor> Parameters { get; init; }

    /// <summary>Shape of one latent.</summary>
    public required long[] LatentShape { get; init; }

    /// <summary>Seed of noise and indices.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Conditionings of field and reward for a draw's batch, by the draw's index; the caller's to dispose.</summary>
    public required Func<int, (Conditioning Field, Conditioning Reward)> Conditions { get; init; }
}

/// <summary>How much is measured.</summary>
/// <param name="Draws">D, draws of prompts and noise, at least 2.</param>
/// <param name="IndexDraws">R, draws of indices for each of them, at least 2.</param>
/// <param name="BatchSize">B.</param>
internal readonly record struct DiagnosisSize(int Draws, int IndexDraws, int BatchSize);
