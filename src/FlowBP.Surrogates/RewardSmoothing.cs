// A reward's gradient at one image follows directions that only the reward sees. Over a few perturbed copies of the image those
// cancel, and what is common to the neighbourhood stays.
// Definitions: docs/methods.md §7; the idea is RSA-FT's, arXiv 2603.21175.

using FlowBP.Settings;

namespace FlowBP.Surrogates;

/// <summary>What the loss of several copies of an image is.</summary>
public enum SmoothedLoss
{
    /// <summary>The hinge of the mean score.</summary>
    HingeOfMean,

    /// <summary>The mean of the hinges: copies past the threshold stop pulling one by one.</summary>
    MeanOfHinges,
}

/// <summary>
/// The reward of an image as the mean over copies <c>x̂ + std·ε</c>, and over x̂ itself if it is included.
/// </summary>
/// <param name="Copies">n; 0: off, the reward sees x̂ alone.</param>
/// <param name="Std">Standard deviation of the perturbation, in units of the reward input (latents).</param>
/// <param name="IncludeClean">Whether x̂ is one of the copies, the last.</param>
/// <param name="Loss">What becomes of the copies' scores.</param>
public sealed record RewardSmoothing(
    [property: Setting(
        "perturbed copies of each image that the reward's gradient is the mean over; 0 off",
        0,
        Name = "reward_smoothing_copies"
    )]
        int Copies = 0,
    [property: Setting(
        "standard deviation of the copies' perturbation, in units of latents",
        double.Epsilon,
        SettingAttribute.LargestFactor,
        Name = "reward_smoothing_std"
    )]
        double Std = 0.05,
    [property: Setting("the unperturbed image is one of the copies", Name = "reward_smoothing_clean")]
        bool IncludeClean = true,
    [property: Setting(
        "whether the hinge is taken of the copies' mean score, or of each copy's",
        Name = "reward_smoothing_loss",
        Choices = ["hinge_of_mean", SmoothedLoss.HingeOfMean, "mean_of_hinges", SmoothedLoss.MeanOfHinges]
    )]
        SmoothedLoss Loss = SmoothedLoss.HingeOfMean
)
{
    /// <summary>The reward sees x̂ alone.</summary>
    public static RewardSmoothing None { get; } = new();

    /// <summary>Whether the reward sees x̂ alone.</summary>
    public bool IsOff => Copies == 0;

    /// <summary>Images that the reward sees in the place of one.</summary>
    public int Images => IsOff ? 1 : Copies + (IncludeClean ? 1 : 0);

    /// <summary>The summand of one row, before division by n of the loss.</summary>
    /// <param name="hinge">The loss of one image.</param>
    /// <param name="scores">The copies' scores.</param>
    /// <param name="weight">w.</param>
    public double Value(HingeLoss hinge, IReadOnlyCollection<double> scores, double weight) =>
        Loss == SmoothedLoss.HingeOfMean
            ? hinge.Value(scores.Average(), weight)
            : scores.Sum(score => hinge.Value(score, weight)) / scores.Count;

    /// <summary>
    /// Derivative of the loss with respect to one copy's score. Of <see cref="SmoothedLoss.HingeOfMean"/> it is that below the
    /// threshold: on which side the mean is, is only known once the last copy has been scored.
    /// </summary>
    /// <param name="hinge">The loss of one image.</param>
    /// <param name="score">The copy's score.</param>
    /// <param name="weight">w.</param>
    /// <param name="count">n of the loss.</param>
    internal double Derivative(HingeLoss hinge, double score, double weight, double count) =>
        hinge.Derivative(IsHingeOfMean ? double.NegativeInfinity : score, weight, count) / Images;

    /// <summary>Whether a row that has been pulled is past the hinge after all.</summary>
    /// <param name="hinge">The loss of one image.</param>
    /// <param name="mean">The mean score.</param>
    internal bool IsPast(HingeLoss hinge, double mean) => IsHingeOfMean && !(mean < hinge.Threshold);

    // Of one image both losses are the same, and the one that knows its side at once spares a pullback.
    private bool IsHingeOfMean => Loss == SmoothedLoss.HingeOfMean && Images > 1;
}
