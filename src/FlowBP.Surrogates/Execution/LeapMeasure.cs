// Deviations of the leaps from the cached states, each in one pass over the cache that writes nothing.
// Shape legend: B batch, K quadrature points.

namespace FlowBP.Surrogates;

/// <summary>Measures the leaps of a batch of plans against the rollout, and makes sample weights of it.</summary>
/// <param name="kernels">Computes the residuals.</param>
public sealed class LeapMeasure(ILatentKernels kernels)
{
    /// <summary>δ per leap and sample; <c>w_b = 1 / Σ max(δ, τ)</c>; the filter.</summary>
    /// <param name="plan">The plans; they have the same number of leaps.</param>
    /// <param name="rollout">Their rollout.</param>
    public TrajectoryWeights Weigh(BatchPlan plan, RolloutCache rollout)
    {
        var leaps = plan.Samples[0].Leaps.Count;
        double[][] deviations = [.. Enumerable.Range(0, leaps).Select(leap => Deviations(plan, rollout, leap))];
        var weights = new double[plan.Batch];
        var keep = new bool[plan.Batch];
        for (var b = 0; b < plan.Batch; b++)
        {
            var sample = plan.Samples[b];
            weights[b] = sample.SimilarityFloor is { } floor
                ? 1 / deviations.Sum(deviation_B => Math.Max(deviation_B[b], floor))
                : 1;
            keep[b] = Enumerable
                .Range(0, leaps)
                .All(leap => sample.Filter.Keeps(deviations[leap][b], sample.Leaps[leap].Target == plan.Steps));
        }
        var split = Find(isEnd: false);
        var end = Find(isEnd: true);
        return new()
        {
            Weights = weights,
            Keep = keep,
            SplitDeviation = split,
            EndDeviation = end,
            ReconstructionError = plan.Samples[0].Leaps.Any(leap => leap.IsEulerReplay) ? end : null,
        };

        double[]? Find(bool isEnd)
        {
            for (var leap = 0; leap < leaps; leap++)
            {
                if (plan.Samples[0].Leaps[leap].Target == plan.Steps == isEnd)
                {
                    return deviations[leap];
                }
            }
            return null;
        }
    }

    /// <summary>The prediction x̂ of a leap [B, …], rounded to the storage type of the rollout.</summary>
    /// <param name="plan">The plans.</param>
    /// <param name="rollout">Their rollout.</param>
    /// <param name="leap">Which leap, noisy side first.</param>
    public Tensor Predict(BatchPlan plan, RolloutCache rollout, int leap)
    {
        var (start_B, index_BK, weight_BK, _) = Quadrature(plan, leap);
        var out_1B = torch.empty([1, plan.Batch, .. rollout.X_TB.shape[2..]], rollout.X_TB.dtype, rollout.X_TB.device);
        kernels.Replay(
            LatentBuffers.OfSteps(rollout.X_TB, kernels.DeviceIndex),
            start_B,
            LatentBuffers.OfSteps(rollout.V_TB, kernels.DeviceIndex),
            index_BK,
            weight_BK,
            LatentBuffers.OfSteps(out_1B, kernels.DeviceIndex)
        );
        GC.KeepAlive(rollout);
        using (out_1B)
        {
            return out_1B.squeeze(0);
        }
    }

    private double[] Deviations(BatchPlan plan, RolloutCache rollout, int leap)
    {
        var (start_B, index_BK, weight_BK, target_B) = Quadrature(plan, leap);
        var residual_B = new double[plan.Batch];
        kernels.QuadratureResidual(
            LatentBuffers.OfSteps(rollout.X_TB, kernels.DeviceIndex),
            start_B,
            LatentBuffers.OfSteps(rollout.V_TB, kernels.DeviceIndex),
            index_BK,
            weight_BK,
            target_B,
            residual_B
        );
        GC.KeepAlive(rollout);
        return residual_B;
    }

    // Leaps of different samples may have different numbers of supports: padding has weight 0.
    private static (int[] Start_B, int[] Index_BK, double[] Weight_BK, int[] Target_B) Quadrature(
        BatchPlan plan,
        int leap
    )
    {
        Leap[] leaps = [.. plan.Samples.Select(sample => sample.Leaps[leap])];
        var points = leaps.Max(sample => sample.Supports.Count);
        var index_BK = new int[leaps.Length * points];
        var weight_BK = new double[leaps.Length * points];
        for (var b = 0; b < leaps.Length; b++)
        {
            var weights = leaps[b].PredictionWeights;
            for (var k = 0; k < points; k++)
            {
                index_BK[(b * points) + k] = k < weights.Count ? leaps[b].Supports[k] : leaps[b].Start;
                weight_BK[(b * points) + k] = k < weights.Count ? weights[k] : 0;
            }
        }
        return (
            [.. leaps.Select(sample => sample.Start)],
            index_BK,
            weight_BK,
            [.. leaps.Select(sample => sample.Target)]
        );
    }
}
