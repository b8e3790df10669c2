// The Euler rollout, without autograd. Steps are the outer loop and chunks of samples the inner one, so that the update
// of all samples is one kernel call. The velocity is rounded to storage *before* the update: then replaying the cache
// reproduces the states up to their own rounding, and nothing has to be assumed about the network's output type.
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
public sealed class Rollout(
    IVelocityField field,
    NoiseSchedule schedule,
    ILatentKernels kernels,
    ScalarType storage = ScalarType.BFloat16,
    int chunk = int.MaxValue
)
{
    /// <summary>Rolls out and caches every state and velocity.</summary>
    /// <param name="noise_B">x_0 [B, …].</param>
    /// <param name="conditioning">Batch B.</param>
    /// <param name="stepsOf">How many velocities each sample needs, at least 1; null: all N.</param>
    /// <exception cref="NonFiniteException">A velocity is not finite.</exception>
    public RolloutCache Run(Tensor noise_B, Conditioning conditioning, IReadOnlyList<int>? stepsOf = null)
    {
        var batch = (int)noise_B.size(0);
        stepsOf ??= [.. Enumerable.Repeat(schedule.Steps, batch)];
        var steps = stepsOf.Max();
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var latent = noise_B.shape[1..];
        var x_TB = torch.zeros([steps + 1, batch, .. latent], storage, noise_B.device);
        var v_TB = torch.zeros([steps, batch, .. latent], storage, noise_B.device);
        x_TB.select(0, 0).copy_(noise_B);
        var evaluations = default(Evaluations);
        List<RowChunk> chunks = [];
        for (var i = 0; i < steps; i++)
        {
            int[] rows = [.. Enumerable.Range(0, batch).Where(b => stepsOf[b] > i)];
            if (chunks.Sum(part => part.Rows.Length) != rows.Length)
            {
                chunks.ForEach(part => part.Dispose());
                chunks = [.. rows.Chunk(chunk).Select(part => new RowChunk(part, conditioning))];
            }
            foreach (var part in chunks)
            {
                part.Evaluate(field, schedule.NetworkTime(i), x_TB.select(0, i), v_TB.select(0, i));
                evaluations = evaluations.Add(part.Rows.Length);
            }
            Advance(i, x_TB, v_TB, x_TB.narrow(0, i + 1, 1), cached: true);
        }
        chunks.ForEach(part => part.Dispose());
        RequireFinite(x_TB, v_TB);
        return new(x_TB.MoveToOuterDisposeScope(), v_TB.MoveToOuterDisposeScope(), stepsOf, evaluations);
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
        // One state and one velocity, updated in place.
        var x_TB = noise_B.to(storage).clone().unsqueeze(0);
        var v_TB = torch.zeros_like(x_TB);
        int[] rows = [.. Enumerable.Range(0, (int)noise_B.size(0))];
        RowChunk[] chunks = [.. rows.Chunk(chunk).Select(part => new RowChunk(part, conditioning))];
        for (var i = 0; i < schedule.Steps; i++)
        {
            foreach (var part in chunks)
            {
                part.Evaluate(field, schedule.NetworkTime(i), x_TB.select(0, 0), v_TB.select(0, 0));
            }
            Advance(i, x_TB, v_TB, x_TB, cached: false);
        }
        foreach (var part in chunks)
        {
            part.Dispose();
        }
        RequireFinite(x_TB, v_TB);
        return x_TB.squeeze(0).MoveToOuterDisposeScope();
    }

    private void Advance(int step, Tensor x_TB, Tensor v_TB, Tensor next_1B, bool cached)
    {
        var batch = (int)x_TB.size(1);
        int[] at = [.. Enumerable.Repeat(cached ? step : 0, batch)];
        double[] h = [.. Enumerable.Repeat(schedule.StepSize(step), batch)];
        if (cached)
        {
            kernels.Replay(
                LatentBuffers.OfSteps(x_TB),
                at,
                LatentBuffers.OfSteps(v_TB),
                at,
                h,
                LatentBuffers.OfSteps(next_1B)
            );
        }
        else
        {
            // The kernel may not write what it reads: into a fresh buffer, then back.
            using var next = torch.empty_like(x_TB);
            kernels.Replay(
                LatentBuffers.OfSteps(x_TB),
                at,
                LatentBuffers.OfSteps(v_TB),
                at,
                h,
                LatentBuffers.OfSteps(next)
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

    // Some samples and their conditioning, selected once and used at every step.
    private sealed class RowChunk : IDisposable
    {
        private readonly Conditioning conditioning;
        private readonly Conditioning? selected;
        private readonly Tensor? index;

        public RowChunk(int[] rows, Conditioning conditioning)
        {
            Rows = rows;
            if (rows.Length != conditioning.Batch)
            {
                selected = conditioning.Select(rows);
                index = torch.tensor(rows.Select(row => (long)row).ToArray(), device: conditioning.Device);
            }
            this.conditioning = selected ?? conditioning;
        }

        public int[] Rows { get; }

        public void Evaluate(IVelocityField field, double time, Tensor x_B, Tensor v_B)
        {
            using var scope = torch.NewDisposeScope();
            var input_B = index is null ? x_B : x_B.index_select(0, index);
            var sigma_B = torch.full([Rows.Length], time, AccumulationType.Of(x_B), x_B.device);
            var velocity_B = field.Evaluate(input_B, sigma_B, conditioning);
            if (index is null)
            {
                v_B.copy_(velocity_B);
            }
            else
            {
                v_B.index_copy_(0, index, velocity_B.to(v_B.dtype));
            }
        }

        public void Dispose()
        {
            selected?.Dispose();
            index?.Dispose();
        }
    }
}
