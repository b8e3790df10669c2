// The first of the four axes: on what the reward is evaluated.

namespace FlowBP.Surrogates;

/// <summary>The reward input x̂ of a plan: <see cref="Endpoint"/> or <see cref="PosteriorMean"/>.</summary>
public abstract record RewardInput
{
    private protected RewardInput() { }

    /// <summary>Images that the reward sees per sample.</summary>
    public virtual int Rows => 1;
}

/// <summary>The cached end x_N of the rollout, whatever the surrogate's own prediction of it.</summary>
public sealed record Endpoint : RewardInput
{
    /// <summary>The only value.</summary>
    public static Endpoint Instance { get; } = new();
}

/// <summary>The posterior mean <c>x̂ = x_s − σ_s·v_s</c> at a stop; the rollout ends there.</summary>
/// <param name="Step">s.</param>
/// <param name="RenoisedCopies">
/// n: copies <c>x' = (1 − σ_s)·x̂ + σ_s·ε</c> whose own posterior means are rewarded too; the loss is the mean over all
/// n + 1. Each active step is then taken once per copy, at x' instead of x_s (DRaFT-LV).
/// </param>
public sealed record PosteriorMean(int Step, int RenoisedCopies = 0) : RewardInput
{
    /// <inheritdoc/>
    public override int Rows => 1 + RenoisedCopies;
}
