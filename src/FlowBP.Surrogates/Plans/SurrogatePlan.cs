// A method, reduced to a value. Whatever distinguishes ReFL from FlowBP-Lagrange is in these few fields; the executor
// reads nothing else and knows no method by name. An ablation is another value, never another code path.

namespace FlowBP.Surrogates;

/// <summary>
/// The surrogate trajectory of one sample (docs/methods.md §2 and §3): where the reward is read, which steps receive a
/// cotangent and how much of it, how the sample is weighted.
/// </summary>
/// <remarks>
/// The gradient it stands for: start with G = ∂L/∂x̂ at the reward input; for each active step i, in order,
/// <c>u = w_i·G</c>, add <c>(∂v_i/∂θ)ᵀu</c>, and where α_i ≠ 0 replace <c>G ← G + α_i·(∂v_i/∂x)ᵀu</c>. One bridge at j
/// is the case of a single non-zero α; full backpropagation is Euler weights and α = 1 at every step.
/// </remarks>
public sealed record SurrogatePlan
{
    private readonly IReadOnlyList<ActiveStep> activeSteps = [];

    /// <summary>Name of the method, for messages and metrics.</summary>
    public required string Method { get; init; }

    /// <summary>N of the schedule that the plan was made for.</summary>
    public required int Steps { get; init; }

    /// <summary>What the reward is evaluated on.</summary>
    public required RewardInput RewardInput { get; init; }

    /// <summary>
    /// The active steps in the order of execution, clean side first. Indices decrease, except where an extrapolating
    /// quadrature of the post leap reaches back across the split: its supports precede the split's bridge.
    /// </summary>
    public required IReadOnlyList<ActiveStep> ActiveSteps
    {
        get => activeSteps;
        init => activeSteps = [.. value];
    }

    /// <summary>The predictions that the plan makes of cached states; noisy side first.</summary>
    public IReadOnlyList<Leap> Leaps { get; init; } = [];

    /// <summary>
    /// Floor τ of the similarity weights <c>w_b = 1 / Σ_leaps max(δ, τ)</c>; null: every sample weighs 1.
    /// </summary>
    public double? SimilarityFloor { get; init; }

    /// <summary>Samples whose leaps miss by more than this are left out of the loss.</summary>
    public TrajectoryFilter Filter { get; init; } = TrajectoryFilter.None;

    /// <summary>The factors γ of the shared rescaling rule, by the name they are reported under.</summary>
    public IReadOnlyDictionary<string, double> Rescale { get; init; } = new Dictionary<string, double>();

    /// <summary>What was drawn (k, j, s, active indices), by the name it is reported under.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<int>> Indices { get; init; } =
        new Dictionary<string, IReadOnlyList<int>>();

    /// <summary>How many velocities the rollout must evaluate for this plan: N, or s + 1 for a posterior mean at s.</summary>
    public int RolloutSteps => RewardInput is PosteriorMean mean ? mean.Step + 1 : Steps;

    /// <summary>Coverage of the trajectory by the active steps, <c>Σ_A |h_i| / Σ |h_i|</c>, in [0, 1].</summary>
    /// <param name="schedule">The schedule that the plan was made for.</param>
    public double Coverage(NoiseSchedule schedule) =>
        ActiveSteps.Select(step => step.Index).Distinct().Sum(i => Math.Abs(schedule.StepSize(i)))
        / schedule.Length(0, schedule.Steps);

    /// <summary>
    /// The most Jacobian factors on any path of the gradient: 0 detached, 1 bridged, N − 1 full backpropagation.
    /// </summary>
    public int NestedDepth => ActiveSteps.Take(Math.Max(0, ActiveSteps.Count - 1)).Count(step => step.Bridge != 0);

    /// <summary>
    /// The share of leaps with a weight of the wrong sign, in [0, 1]: such a weight pulls its velocity away from where
    /// the reward wants it (docs/methods.md §6).
    /// </summary>
    public double NegativeWeightFraction =>
        Leaps.Count == 0 ? 0 : Leaps.Count(leap => leap.HasWrongSign) / (double)Leaps.Count;

    /// <summary>Method and active steps, bridges marked: <c>flowbp-bridge [20 17* 14]</c>.</summary>
    public override string ToString() =>
        $"{Method} [{string.Join(' ', ActiveSteps.Select(step => $"{step.Index}{(step.Bridge == 0 ? "" : "*")}"))}]";
}
