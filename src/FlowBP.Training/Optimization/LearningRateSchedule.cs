namespace FlowBP.Training.Optimization;

/// <summary>
/// A linear warm-up, then constant, or a half cosine down to a share of the peak: what the paper's runs (constant, no
/// warm-up) and pretraining (cosine) need.
/// </summary>
/// <param name="Peak">The learning rate after the warm-up.</param>
/// <param name="WarmupSteps">Steps of the warm-up.</param>
/// <param name="CosineSteps">Step at which the cosine reaches its end; null: constant.</param>
/// <param name="FinalShare">Where the cosine ends, as a share of the peak.</param>
public sealed record LearningRateSchedule(
    double Peak,
    int WarmupSteps = 0,
    int? CosineSteps = null,
    double FinalShare = 0.02
)
{
    /// <summary>The learning rate of a step.</summary>
    /// <param name="step">Index of the step, from 0.</param>
    public double At(long step)
    {
        if (step < WarmupSteps)
        {
            return Peak * (step + 1) / WarmupSteps;
        }
        if (CosineSteps is not { } end)
        {
            return Peak;
        }
        var progress = Math.Clamp((step - WarmupSteps) / (double)Math.Max(1, end - WarmupSteps), 0, 1);
        return Peak * (FinalShare + (1 - FinalShare) * 0.5 * (1 + Math.Cos(Math.PI * progress)));
    }
}

/// <summary>What follows the warm-up of a learning rate.</summary>
public enum LearningRateDecay
{
    /// <summary>The peak, to the end.</summary>
    None,

    /// <summary>A cosine from the peak to a small share of it.</summary>
    Cosine,
}
