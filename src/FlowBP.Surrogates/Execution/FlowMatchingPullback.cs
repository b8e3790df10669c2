// The loss that the base model was trained with, as a further cotangent. Its target is known before the network is evaluated, and its
// cotangent is linear in the velocity: one evaluation and one product per chunk, each freed before the next.
// Conditional flow matching: Lipman et al. 2023, arXiv 2210.02747; rectified flow: Liu et al. 2023, arXiv 2209.03003; docs/methods.md
// §1 for the sign.
// Shape legend: B batch, n samples of a chunk, … the dimensions of one latent.

namespace FlowBP.Surrogates;

/// <summary>Pulls the flow-matching loss back, in chunks of samples.</summary>
/// <param name="field">v_θ.</param>
/// <param name="kernels">Norms.</param>
/// <param name="width">Samples per pullback.</param>
internal sealed class FlowMatchingPullback(IVelocityField field, ILatentKernels kernels, int width)
{
    /// <summary>See <see cref="SurrogateExecutor.AccumulateFlowMatching"/>.</summary>
    public FlowMatchingReport Run(FlowMatchingBatch data, double weight, double count)
    {
        RequireOneBatch(data);
        var report = default(FlowMatchingReport);
        foreach (var rows in Enumerable.Range(0, data.Times.Count).Chunk(width))
        {
            report = new(report.Loss + Pull(data, rows, weight, count), report.Evaluations.Add(rows.Length));
        }
        return report;
    }

    private double Pull(FlowMatchingBatch data, int[] rows, double weight, double count)
    {
        using var scope = torch.NewDisposeScope();
        using var conditioning = data.Conditioning.Select(rows);
        var x_n = data.Latents_B.narrow(0, rows[0], rows.Length);
        var noise_n = data.Noise_B.narrow(0, rows[0], rows.Length);
        double[] times = [.. rows.Select(row => data.Times[row])];
        var t_n = torch.tensor(times, device: x_n.device).to(x_n.dtype);
        long[] perSample = [rows.Length, .. Enumerable.Repeat(1L, (int)x_n.dim() - 1)];
        var t_n1 = t_n.reshape(perSample);
        var noisy_n = x_n * (1 - t_n1) + noise_n * t_n1;
        // A field that can keeps this forward for the product.
        var trace = field.KeepsForward ? new ForwardTrace([.. Enumerable.Range(0, rows.Length)]) : null;
        var v_n = TensorChecks
            .Shaped("the velocity", field.Evaluate(noisy_n, t_n, conditioning, trace), x_n.shape, "as the latents x_B")
            .to(x_n.dtype);
        using var kept = trace?.Kept;
        var difference_n = v_n - (noise_n - x_n);
        var squares = LatentBuffers.SquaredNorms(kernels, difference_n.contiguous());
        var wrong = Array.FindIndex(squares, square => !double.IsFinite(square));
        if (wrong >= 0)
        {
            throw new NonFiniteException("velocity of the flow-matching loss", rows[wrong]);
        }
        var factor = weight / (x_n.numel() / rows.Length * count);
        field.Vjp(noisy_n, t_n, conditioning, difference_n * (2 * factor), wantInputGradient: false, kept);
        return factor * squares.Sum();
    }

    private static void RequireOneBatch(FlowMatchingBatch data)
    {
        TensorChecks.Shaped("the noise", data.Noise_B, data.Latents_B.shape, "as the latents x_B");
        var batch = data.Latents_B.size(0);
        if (data.Times.Count != batch || data.Conditioning.Batch != batch)
        {
            throw new ArgumentException(
                $"{batch} latents come with {data.Times.Count} times and a conditioning of {data.Conditioning.Batch}; expected as"
                    + " many",
                nameof(data)
            );
        }
    }
}
