// The gradient, one vector-Jacobian product after the other. A cotangent runs from the clean side to the noisy side; it
// changes only where it crosses a bridge. Samples go in rounds: round m takes the m-th active step of every sample,
// whatever its index, so draws per sample cost what a shared draw costs.
//
// An anchor's cotangent belongs to one step: x_i is a constant there. The product is linear, so it goes with the reward's where
// nothing crosses a bridge, and takes a product of its own where something does. Its states are the rollout's own, never those of
// re-noised copies.
// Shape legend: R rows (copies × batch, copy-major), n rows of one product, … the dimensions of one latent.

namespace FlowBP.Surrogates;

/// <summary>Runs the active steps of a batch of plans.</summary>
internal sealed class PullbackSequence(IVelocityField field, NoiseSchedule schedule, ILatentKernels kernels, int width)
{
    /// <summary>See <see cref="SurrogateExecutor.AccumulateGradients"/>.</summary>
    public Evaluations Run(SurrogateBatch batch, RolloutCache rollout, RewardGradient gradient, AnchorGradient? anchor)
    {
        using var scope = torch.NewDisposeScope();
        var plans = batch.Plan.Samples;
        // Only a bridge changes the running cotangent.
        var bridged = plans.Any(plan => plan.ActiveSteps.Any(step => step.Bridge != 0));
        var running_R = bridged ? gradient.Gradient_R.clone() : gradient.Gradient_R;
        var evaluations = default(Evaluations);
        for (var round = 0; round < plans.Max(plan => plan.ActiveSteps.Count); round++)
        {
            Term[] terms =
            [
                .. Enumerable
                    .Range(0, gradient.Scores.Length)
                    .SelectMany(row => Term.Of(row, plans, round, gradient.SquaredNorms[row] > 0, anchor)),
            ];
            // Re-noised copies start from states of their own, so they don't share a product with the others; nor do a sample's second
            // terms, so that no product is wider than the batch.
            foreach (var group in terms.GroupBy(term => (Renoised: term.Row >= batch.Plan.Batch, term.IsSecond)))
            {
                foreach (var chunk in group.Chunk(width))
                {
                    Pull(chunk, group.Key.Renoised, batch, rollout, gradient, anchor, running_R);
                    evaluations = evaluations.Add(chunk.Length);
                }
            }
        }
        return evaluations;
    }

    private void Pull(
        Term[] terms,
        bool renoised,
        SurrogateBatch batch,
        RolloutCache rollout,
        RewardGradient gradient,
        AnchorGradient? anchor,
        Tensor running_R
    )
    {
        using var scope = torch.NewDisposeScope();
        using var conditioning = batch.Conditioning.Select([.. terms.Select(term => term.Sample)]);
        var row_n = torch.tensor(terms.Select(term => (long)term.Row).ToArray(), device: running_R.device);
        var x_n = renoised
            ? gradient.Renoised_R!.index_select(0, row_n - (long)batch.Plan.Batch)
            : rollout.Gather([.. terms.Select(term => term.Step)], [.. terms.Select(term => term.Sample)]);
        double[] times = [.. terms.Select(term => schedule.NetworkTime(term.Step))];
        var sigma_n = torch.tensor(times, device: x_n.device).to(running_R.dtype);
        var cotangent_n = Scale(running_R.index_select(0, row_n), terms, term => term.Weight);
        AddAnchor(cotangent_n, terms, anchor);
        var wantsInput = terms.Any(term => term.Bridge != 0);
        using var kept = renoised ? null : rollout.Kept?.Gather([.. terms.Select(term => (term.Step, term.Sample))]);
        var input_n = field.Vjp(x_n, sigma_n, conditioning, cotangent_n, wantsInput, kept);
        if (input_n is not null)
        {
            using var noGrad = torch.no_grad();
            var crossed_n = Scale(input_n.to(running_R.dtype).contiguous(), terms, term => term.Bridge);
            RequireFinite(crossed_n, terms);
            running_R.index_add_(0, row_n, crossed_n, 1);
        }
    }

    private static void AddAnchor(Tensor cotangent_n, Term[] terms, AnchorGradient? anchor)
    {
        long[] at =
        [
            .. Enumerable.Range(0, terms.Length).Where(i => terms[i].AnchorRow is not null).Select(i => (long)i),
        ];
        if (at.Length == 0)
        {
            return;
        }
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var device = cotangent_n.device;
        var from = torch.tensor(at.Select(i => (long)terms[i].AnchorRow!.Value).ToArray(), device: device);
        cotangent_n.index_add_(
            0,
            torch.tensor(at, device: device),
            anchor!.Cotangent_P!.index_select(0, from).to(cotangent_n.dtype),
            1
        );
    }

    private Tensor Scale(Tensor g_n, Term[] terms, Func<Term, double> factor)
    {
        var scaled = torch.empty_like(g_n);
        kernels.ScaleCotangent(
            LatentBuffers.OfRows(g_n, kernels.DeviceIndex),
            [.. terms.Select(factor)],
            LatentBuffers.OfRows(scaled, kernels.DeviceIndex)
        );
        GC.KeepAlive(g_n);
        return scaled;
    }

    private void RequireFinite(Tensor crossed_n, Term[] terms)
    {
        var at = Array.FindIndex(LatentBuffers.SquaredNorms(kernels, crossed_n), norm => !double.IsFinite(norm));
        if (at >= 0)
        {
            throw new NonFiniteException("cotangent across the bridge", terms[at].Sample, terms[at].Step);
        }
    }

    // What a row takes in a round: a step with the reward's cotangent, the anchor's, or both.
    private sealed record Term(int Row, int Sample, int Step, double Weight, double Bridge, int? AnchorRow)
    {
        /// <summary>Whether the same sample has a term at the same step besides this one.</summary>
        public bool IsSecond { get; private init; }

        public static IEnumerable<Term> Of(
            int row,
            IReadOnlyList<SurrogatePlan> plans,
            int round,
            bool pulls,
            AnchorGradient? anchor
        )
        {
            var sample = row % plans.Count;
            var steps = plans[sample].ActiveSteps;
            if (round >= steps.Count)
            {
                yield break;
            }
            var step = steps[round];
            pulls &= step.Weight != 0;
            // The last one's bridge leads nowhere.
            var bridge = pulls && round + 1 < steps.Count ? step.Bridge : 0;
            var anchorRow =
                row < plans.Count && !steps.Take(round).Any(earlier => earlier.Index == step.Index)
                    ? anchor?.RowOf(step.Index, sample)
                    : null;
            if (pulls)
            {
                yield return new(row, sample, step.Index, step.Weight, bridge, bridge == 0 ? anchorRow : null);
            }
            if (anchorRow is not null && (!pulls || bridge != 0))
            {
                yield return new(row, sample, step.Index, 0, 0, anchorRow) { IsSecond = pulls };
            }
        }
    }
}
