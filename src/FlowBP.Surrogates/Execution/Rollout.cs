// The Euler rollout, without autograd. Steps are the outer loop and chunks of samples the inner one, so that the update
// of all samples is one kernel call. The velocity is rounded to storage *before* the update: then replaying the cache
// reproduces the states up to their own rounding, and nothing has to be assumed about the network's output type.
//
// With rollout kernels, guidance, that rounding and the update are one pass from the network's output into the cache. It
// rounds where the separate operations round, so the numbers are theirs.
// Shape legend: T steps, B batch, … the dimensions of one latent.

namespace FlowBP.Surrogates;

/// <summary>
/// Rolls out <c>x_{i+1} = x_i + h_i·v_θ(x_i, σ_i, c)</c> (docs/methods.md §1): each update in the accumulation type, rounded
/// once to storage.
/// </summary>
/// <param name="field">v_θ, guided or not.</param>
/// <param name="schedule">σ_0 … σ_N.</param>
/// <param name="kernels">Performs the updates.</param>
/// <param name="storage">BFloat16, Float32 or Float64.</param>
/// <param name="chunk">Samples per network evaluation.</param>
/// <param name="fused">
/// Guides and steps in one pass, where the storage is BFloat16 or Float32; velocities wider than Float32 are rounded to it
/// first. Null: separate operations.
/// </param>
public sealed class Rollout(
    IVelocityField field,
    NoiseSchedule schedule,
    ILatentKernels kernels,
    ScalarType storage = ScalarType.BFloat16,
    int chunk = int.MaxValue,
    IRolloutKernels? fused = null
)
{
    private readonly IRolloutKernels? fused = storage is ScalarType.BFloat16 or ScalarType.Float32 ? fused : null;

    /// <summary>Rolls out and caches every state and velocity.</summary>
    /// <param name="noise_B">x_0 [B, …].</param>
    /// <param name="conditioning">Batch B.</param>
    /// <param name="stepsOf">How many velocities each sample needs, at least 1; null: all N.</param>
    /// <exception cref="NonFiniteException">A velocity is not finite.</exception>
    public RolloutCache Run(Tensor noise_B, Conditioning conditioning, IReadOnlyList<int>? stepsOf = null) =>
        Run(noise_B, conditioning, stepsOf, null);

    /// <summary>The same, keeping forwards for pullbacks; the cache owns them from then on.</summary>
    internal RolloutCache Run(
        Tensor noise_B,
        Conditioning conditioning,
        IReadOnlyList<int>? stepsOf,
        KeptForwards? kept
    )
    {
        try
        {
            return Cached(noise_B, conditioning, stepsOf, kept);
        }
        catch
        {
            // What is kept outlives every scope.
            kept?.Dispose();
            throw;
        }
    }

    private RolloutCache Cached(
        Tensor noise_B,
        Conditioning conditioning,
        IReadOnlyList<int>? stepsOf,
        KeptForwards? kept
    )
    {
        RequireNoise(noise_B, conditioning);
        var batch = (int)noise_B.size(0);
        stepsOf ??= [.. Enumerable.Repeat(schedule.Steps, batch)];
        RequireSteps(stepsOf, batch);
        var steps = stepsOf.Max();
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var latent = noise_B.shape[1..];
        var x_TB = torch.zeros([steps + 1, batch, .. latent], storage, noise_B.device);
        var v_TB = torch.zeros([steps, batch, .. latent], storage, noise_B.device);
        x_TB.select(0, 0).copy_(noise_B);
        var evaluations = default(Evaluations);
        using var chunks = new RowChunks(chunk, conditioning);
        for (var i = 0; i < steps; i++)
        {
            int[] rows = [.. Enumerable.Range(0, batch).Where(b => stepsOf[b] > i)];
            chunks.Take(rows);
            using var x_B = x_TB.select(0, i);
            using var v_B = v_TB.select(0, i);
            using var next_B = x_TB.select(0, i + 1);
            if (fused is not null && rows.Length < batch)
            {
                // Samples that need no further step stay where they are.
                next_B.copy_(x_B);
            }
            foreach (var part in chunks.Parts)
            {
                Evaluate(part, i, x_B, v_B, next_B, kept);
                evaluations = evaluations.Add(part.Rows.Length);
            }
            if (fused is null)
            {
                Advance(i, x_TB, v_TB, x_TB.narrow(0, i + 1, 1), cached: true);
            }
        }
        RequireFinite(x_TB, v_TB);
        return new(x_TB.MoveToOuterDisposeScope(), v_TB.MoveToOuterDisposeScope(), stepsOf, evaluations)
        {
            Kept = kept,
        };
    }

    /// <summary>Rolls out and returns the end alone: sampling, for evaluation.</summary>
    /// <param name="noise_B">x_0 [B, …].</param>
    /// <param name="conditioning">Batch B.</param>
    /// <returns>x_N [B, …] in the storage type.</returns>
    /// <exception cref="NonFiniteException">The end is not finite.</exception>
    public Tensor Sample(Tensor noise_B, Conditioning conditioning)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        RequireNoise(noise_B, conditioning);
        // One state and one velocity, updated in place.
        var x_TB = noise_B.to(storage).clone().unsqueeze(0);
        var v_TB = torch.zeros_like(x_TB);
        using var chunks = new RowChunks(chunk, conditioning);
        chunks.Take([.. Enumerable.Range(0, (int)noise_B.size(0))]);
        var x_B = x_TB.select(0, 0);
        var v_B = v_TB.select(0, 0);
        for (var i = 0; i < schedule.Steps; i++)
        {
            foreach (var part in chunks.Parts)
            {
                Evaluate(part, i, x_B, v_B, next_B: x_B, kept: null);
            }
            if (fused is null)
            {
                Advance(i, x_TB, v_TB, x_TB, cached: false);
            }
        }
        RequireFinite(x_TB, v_TB);
        return x_TB.squeeze(0).MoveToOuterDisposeScope();
    }

    // The velocities of a chunk; its next states too where one pass makes both.
    private void Evaluate(RowChunk part, int step, Tensor x_B, Tensor v_B, Tensor next_B, KeptForwards? kept)
    {
        var trace = kept?.TraceOf(step, part.Rows);
        try
        {
            using var scope = torch.NewDisposeScope();
            var input_B = part.Index is null ? x_B : x_B.index_select(0, part.Index);
            var time = schedule.NetworkTime(step);
            var sigma_B = torch.full([part.Rows.Length], time, AccumulationType.Of(x_B), x_B.device);
            if (fused is null)
            {
                var velocity_B = Checked(field.Evaluate(input_B, sigma_B, part.Conditioning, trace), input_B);
                if (part.Index is null)
                {
                    v_B.copy_(velocity_B);
                }
                else
                {
                    v_B.index_copy_(0, part.Index, velocity_B.to(v_B.dtype));
                }
            }
            else
            {
                var (conditional_B, negative_B) = field.EvaluateBranches(input_B, sigma_B, part.Conditioning, trace);
                conditional_B = Narrow(Checked(conditional_B, input_B));
                negative_B = negative_B is null ? null : Narrow(Checked(negative_B, input_B));
                fused.GuidedEulerStep(
                    LatentBuffers.OfRows(conditional_B, fused.DeviceIndex),
                    negative_B is null ? null : LatentBuffers.OfRows(negative_B, fused.DeviceIndex),
                    field.Scale,
                    part.Rows,
                    LatentBuffers.OfRows(x_B, fused.DeviceIndex),
                    schedule.StepSize(step),
                    LatentBuffers.OfRows(v_B, fused.DeviceIndex),
                    LatentBuffers.OfRows(next_B, fused.DeviceIndex)
                );
                GC.KeepAlive(conditional_B);
                GC.KeepAlive(negative_B);
                GC.KeepAlive(x_B);
                GC.KeepAlive(v_B);
                GC.KeepAlive(next_B);
            }
        }
        catch
        {
            trace?.Kept?.Dispose();
            throw;
        }
        if (trace is not null)
        {
            kept!.Add(step, part.Rows, trace);
        }
    }

    private static Tensor Checked(Tensor velocity_B, Tensor input_B) =>
        TensorChecks.Shaped("the velocity", velocity_B, input_B.shape, "as the latents x_B");

    private static Tensor Narrow(Tensor velocity_B) =>
        (velocity_B.dtype == ScalarType.BFloat16 ? velocity_B : velocity_B.to(ScalarType.Float32)).contiguous();

    private static void RequireNoise(Tensor noise_B, Conditioning conditioning)
    {
        TensorChecks.RealNumbers("the noise", noise_B);
        if (noise_B.dim() < 2 || noise_B.numel() == 0)
        {
            throw new ArgumentException(
                $"the noise is [{string.Join(", ", noise_B.shape)}]; expected [B, …], one latent of some elements per sample"
            );
        }
        if (noise_B.size(0) != conditioning.Batch)
        {
            throw new ArgumentException(
                $"the noise has batch {noise_B.size(0)}, the conditioning {conditioning.Batch}"
            );
        }
    }

    private void RequireSteps(IReadOnlyList<int> stepsOf, int batch)
    {
        if (stepsOf.Count != batch)
        {
            throw new ArgumentException($"{stepsOf.Count} numbers of steps for a batch of {batch}");
        }
        foreach (var steps in stepsOf.Where(steps => steps < 1 || steps > schedule.Steps))
        {
            throw new ArgumentException($"a sample needs {steps} steps; expected 1 to {schedule.Steps}");
        }
    }

    private void Advance(int step, Tensor x_TB, Tensor v_TB, Tensor next_1B, bool cached)
    {
        var batch = (int)x_TB.size(1);
        int[] at = [.. Enumerable.Repeat(cached ? step : 0, batch)];
        double[] h = [.. Enumerable.Repeat(schedule.StepSize(step), batch)];
        if (cached)
        {
            kernels.Replay(
                LatentBuffers.OfSteps(x_TB, kernels.DeviceIndex),
                at,
                LatentBuffers.OfSteps(v_TB, kernels.DeviceIndex),
                at,
                h,
                LatentBuffers.OfSteps(next_1B, kernels.DeviceIndex)
            );
        }
        else
        {
            // The kernel may not write what it reads: into a fresh buffer, then back.
            using var next = torch.empty_like(x_TB);
            kernels.Replay(
                LatentBuffers.OfSteps(x_TB, kernels.DeviceIndex),
                at,
                LatentBuffers.OfSteps(v_TB, kernels.DeviceIndex),
                at,
                h,
                LatentBuffers.OfSteps(next, kernels.DeviceIndex)
            );
            x_TB.copy_(next);
        }
        GC.KeepAlive(x_TB);
        GC.KeepAlive(v_TB);
        GC.KeepAlive(next_1B);
    }

    // A velocity that is not finite leaves no later state finite, so one look at the end is enough to know.
    private void RequireFinite(Tensor x_TB, Tensor v_TB)
    {
        var last = (int)x_TB.size(0) - 1;
        using var end_B = x_TB.select(0, last);
        var norms = LatentBuffers.SquaredNorms(kernels, end_B);
        var sample = Array.FindIndex(norms, norm => !double.IsFinite(norm));
        if (sample < 0)
        {
            return;
        }
        for (var i = 0; i < v_TB.size(0); i++)
        {
            using var v_B = v_TB.select(0, i);
            if (!double.IsFinite(LatentBuffers.SquaredNorms(kernels, v_B)[sample]))
            {
                throw new NonFiniteException("velocity", sample, v_TB.size(0) == 1 ? null : i);
            }
        }
        throw new NonFiniteException("latent", sample, last);
    }
}
