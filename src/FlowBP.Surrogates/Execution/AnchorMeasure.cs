// The anchor's phase, between rollout and pullbacks. v is what the rollout cached; v_ref is evaluated here, wide and without autograd,
// and rounded as the cache was, so that a network that is its own reference is at distance 0. Every pair's cotangent is known then, and
// is added to the reward's at its step.
// Shape legend: P pairs of an active step and a sample, n pairs of one evaluation, … the dimensions of one latent, D of its elements.

namespace FlowBP.Surrogates;

/// <summary>Compares the cached velocities of the active steps with a reference's.</summary>
/// <param name="reference">v_ref; guided as the field is.</param>
/// <param name="schedule">The rollout's schedule.</param>
/// <param name="kernels">Norms and scaling.</param>
/// <param name="anchor">What becomes of the difference.</param>
/// <param name="width">Samples per evaluation.</param>
internal sealed class AnchorMeasure(
    IVelocityField reference,
    NoiseSchedule schedule,
    ILatentKernels kernels,
    VelocityAnchor anchor,
    int width
)
{
    /// <summary>‖v‖/‖v_ref‖; 1 where both are 0.</summary>
    public static double Ratio(double norm, double reference) => norm == 0 && reference == 0 ? 1 : norm / reference;

    /// <summary>See <see cref="SurrogateExecutor.Anchor"/>.</summary>
    public AnchorGradient Run(SurrogateBatch batch, RolloutCache rollout, double samples)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var stepsOf = batch
            .Plan.Samples.Select(plan => plan.ActiveSteps.Select(step => step.Index).ToHashSet())
            .ToArray();
        ActivePair[] pairs =
        [
            .. stepsOf
                .SelectMany((steps, b) => steps.Select(step => new ActivePair(step, b)))
                .OrderBy(pair => pair.Step)
                .ThenBy(pair => pair.Sample),
        ];
        // K of each pair: where samples have numbers of steps of their own, each sample weighs the same.
        double[] count_P = [.. pairs.Select(pair => samples * stepsOf[pair.Sample].Count)];
        var cotangent_P = anchor.IsOff
            ? null
            : torch.empty(
                [pairs.Length, .. rollout.V_TB.shape[2..]],
                AccumulationType.Of(rollout.V_TB),
                rollout.V_TB.device
            );
        var measured = new Measured(pairs.Length);
        var evaluations = default(Evaluations);
        foreach (var part in Enumerable.Range(0, pairs.Length).Chunk(width))
        {
            Compare(part, pairs, count_P, batch, rollout, cotangent_P, measured);
            evaluations = evaluations.Add(part.Length);
        }
        var squaredNorms = cotangent_P is null ? [] : LatentBuffers.SquaredNorms(kernels, cotangent_P);
        RequireFinite("anchor's cotangent", squaredNorms, pairs);
        double[] hinges =
        [
            .. measured.Norms.Zip(measured.ReferenceNorms, (norm, other) => anchor.NormHinge(Ratio(norm, other))),
        ];
        return new(pairs, cotangent_P?.MoveToOuterDisposeScope(), squaredNorms)
        {
            SquaredDifferences = measured.SquaredDifferences,
            Norms = measured.Norms,
            ReferenceNorms = measured.ReferenceNorms,
            NormHinges = hinges,
            DistanceLoss =
                anchor.Weight * measured.SquaredDifferences.Zip(count_P, (value, count) => value / count).Sum(),
            NormLoss = anchor.NormHingeWeight * hinges.Zip(count_P, (value, count) => value / count).Sum(),
            Evaluations = evaluations,
        };
    }

    private void Compare(
        int[] part,
        ActivePair[] pairs,
        double[] count_P,
        SurrogateBatch batch,
        RolloutCache rollout,
        Tensor? cotangent_P,
        Measured measured
    )
    {
        using var scope = torch.NewDisposeScope();
        int[] steps = [.. part.Select(row => pairs[row].Step)];
        int[] samples = [.. part.Select(row => pairs[row].Sample)];
        var type = AccumulationType.Of(rollout.V_TB);
        var v_n = rollout.GatherVelocities(steps, samples).to(type);
        var reference_n = Reference(batch, rollout, steps, samples).to(type);
        var difference_n = v_n - reference_n;
        var elements = v_n.numel() / part.Length;
        double[] differences = [.. Norms(difference_n).Select(norm => norm * norm / elements)];
        var (norms, referenceNorms) = (Norms(v_n), Norms(reference_n));
        ActivePair[] ofPart = [.. part.Select(row => pairs[row])];
        RequireFinite("reference velocity", referenceNorms, ofPart);
        RequireFinite("norm of the velocity over the reference's", [.. norms.Zip(referenceNorms, Ratio)], ofPart);
        differences.CopyTo(measured.SquaredDifferences, part[0]);
        norms.CopyTo(measured.Norms, part[0]);
        referenceNorms.CopyTo(measured.ReferenceNorms, part[0]);
        cotangent_P
            ?.narrow(0, part[0], part.Length)
            .copy_(
                Scaled(difference_n, [.. part.Select(row => anchor.DifferenceFactor(elements, count_P[row]))])
                    + Scaled(
                        v_n,
                        [.. part.Select((row, i) => anchor.NormFactor(norms[i], referenceNorms[i], count_P[row]))]
                    )
            );
    }

    // Rounded to the storage of the cache.
    private Tensor Reference(SurrogateBatch batch, RolloutCache rollout, int[] steps, int[] samples)
    {
        using var conditioning = batch.Conditioning.Select(samples);
        var x_n = rollout.Gather(steps, samples);
        double[] times = [.. steps.Select(schedule.NetworkTime)];
        var sigma_n = torch.tensor(times, device: x_n.device).to(AccumulationType.Of(x_n));
        return TensorChecks
            .Shaped(
                "the reference's velocity",
                reference.Evaluate(x_n, sigma_n, conditioning),
                x_n.shape,
                "as the latents x_B"
            )
            .to(rollout.V_TB.dtype);
    }

    private double[] Norms(Tensor tensor_n) =>
        [.. LatentBuffers.SquaredNorms(kernels, tensor_n.contiguous()).Select(Math.Sqrt)];

    private Tensor Scaled(Tensor tensor_n, double[] factor_n)
    {
        var scaled_n = torch.empty_like(tensor_n);
        kernels.ScaleCotangent(
            LatentBuffers.OfRows(tensor_n, kernels.DeviceIndex),
            factor_n,
            LatentBuffers.OfRows(scaled_n, kernels.DeviceIndex)
        );
        GC.KeepAlive(tensor_n);
        return scaled_n;
    }

    private static void RequireFinite(string quantity, double[] values, ActivePair[] pairs)
    {
        var at = Array.FindIndex(values, value => !double.IsFinite(value));
        if (at >= 0)
        {
            throw new NonFiniteException(quantity, pairs[at].Sample, pairs[at].Step);
        }
    }

    private sealed class Measured(int pairs)
    {
        public double[] SquaredDifferences { get; } = new double[pairs];
        public double[] Norms { get; } = new double[pairs];
        public double[] ReferenceNorms { get; } = new double[pairs];
    }
}
