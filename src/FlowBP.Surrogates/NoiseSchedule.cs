// The noise levels of a rollout. They are rounded to binary32 exactly where the reference rounds them, so that a model
// sees the very timesteps it sees there, and held in double, so that weights computed from them are exact for them.
// FlowMatchEuler.cs holds the recipes.

namespace FlowBP.Surrogates;

/// <summary>
/// A decreasing noise schedule <c>σ_0 = 1 &gt; σ_1 &gt; … &gt; σ_N = 0</c> (docs/methods.md §1): index 0 is the noisy end.
/// </summary>
public sealed class NoiseSchedule
{
    private readonly double[] sigmas;
    private readonly double[]? timesteps;

    private NoiseSchedule(double[] sigmas, double[]? timesteps)
    {
        if (sigmas.Length < 2)
        {
            throw new ArgumentException($"a schedule needs at least 2 sigmas, got {sigmas.Length}", nameof(sigmas));
        }
        for (var i = 0; i + 1 < sigmas.Length; i++)
        {
            if (!(double.IsFinite(sigmas[i]) && sigmas[i] > sigmas[i + 1]))
            {
                throw new ArgumentException(
                    $"sigmas must be finite and decrease, but sigma[{i}] = {sigmas[i]}, sigma[{i + 1}] = {sigmas[i + 1]}",
                    nameof(sigmas)
                );
            }
        }
        if (sigmas[^1] < 0)
        {
            throw new ArgumentException($"sigmas must not be negative, the last is {sigmas[^1]}", nameof(sigmas));
        }
        if (timesteps is not null && timesteps.Length != sigmas.Length - 1)
        {
            throw new ArgumentException(
                $"{sigmas.Length} sigmas need {sigmas.Length - 1} timesteps, got {timesteps.Length}",
                nameof(timesteps)
            );
        }
        this.sigmas = sigmas;
        this.timesteps = timesteps;
    }

    /// <summary>σ_0 … σ_N, dimensionless.</summary>
    public IReadOnlyList<double> Sigmas => sigmas;

    /// <summary>N, the number of Euler steps.</summary>
    public int Steps => sigmas.Length - 1;

    /// <summary><c>h_i = σ_{i+1} − σ_i</c>, negative.</summary>
    /// <param name="step">i in [0, N).</param>
    public double StepSize(int step) => sigmas[step + 1] - sigmas[step];

    /// <summary>The timestep of the reference networks, 1000·σ_i rounded to binary32 (or as given).</summary>
    /// <param name="step">i in [0, N).</param>
    public double Timestep(int step) => timesteps?[step] ?? (float)sigmas[step] * 1000f;

    /// <summary>
    /// The time that a velocity field receives: σ_i, or the given timestep over 1000 where timesteps were given.
    /// </summary>
    /// <param name="step">i in [0, N).</param>
    public double NetworkTime(int step) => timesteps is null ? sigmas[step] : timesteps[step] / 1000;

    /// <summary>Σ |h_i| over the steps [<paramref name="start"/>, <paramref name="end"/>).</summary>
    /// <param name="start">First step.</param>
    /// <param name="end">One past the last step.</param>
    public double Length(int start, int end)
    {
        var sum = 0.0;
        for (var i = start; i < end; i++)
        {
            sum += Math.Abs(StepSize(i));
        }
        return sum;
    }

    /// <summary>A schedule from its sigmas, taken as they are.</summary>
    /// <param name="sigmas">σ_0 … σ_N, decreasing, not negative.</param>
    /// <param name="timesteps">The N timesteps that the network receives, where they aren't 1000·σ.</param>
    /// <exception cref="ArgumentException">The numbers are not a schedule.</exception>
    public static NoiseSchedule FromSigmas(IEnumerable<double> sigmas, IEnumerable<double>? timesteps = null) =>
        new([.. sigmas], timesteps is null ? null : [.. timesteps]);

    /// <summary>
    /// SD3.5's schedule: <c>σ' = shift·σ / (1 + (shift − 1)·σ)</c> on a uniform grid from 1 to 1/N, then 0.
    /// </summary>
    /// <param name="steps">N, at least 1.</param>
    /// <param name="shift">Positive; 3 for SD3.5, 1 leaves the grid uniform.</param>
    public static NoiseSchedule FlowMatchEuler(int steps, double shift = 3) =>
        new(Surrogates.FlowMatchEuler.StaticShift(Surrogates.FlowMatchEuler.UniformGrid(steps), shift), null);

    /// <summary>
    /// FLUX's schedule: <c>σ' = e^μ / (e^μ + (1/σ − 1))</c> on a uniform grid from 1 to 1/N, then 0.
    /// </summary>
    /// <param name="steps">N, at least 1.</param>
    /// <param name="mu">μ, from <see cref="Surrogates.FlowMatchEuler.LinearMu"/> or <see cref="Surrogates.FlowMatchEuler.EmpiricalMu"/>.</param>
    public static NoiseSchedule DynamicShift(int steps, double mu) =>
        new(Surrogates.FlowMatchEuler.DynamicShift(Surrogates.FlowMatchEuler.UniformGrid(steps), mu), null);
}
