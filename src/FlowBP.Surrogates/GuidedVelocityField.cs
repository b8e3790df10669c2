// Classifier-free guidance as a decorator. Both branches run as one forward of 2B, because a wider batch costs less than
// a second launch of every layer. The pullback is where it pays to think: a detached negative branch is a constant, so a
// cotangent needs neither its forward nor its backward. Of a forward that is kept for a pullback, only what it will need is
// kept: the conditional half, or both halves where the negative branch is live.

namespace FlowBP.Surrogates;

/// <summary>
/// <c>v = v_neg + s·(v_cond − v_neg)</c> (docs/methods.md §1). Without a negative branch in the conditioning, or at s = 1
/// (where v is v_cond), the inner field alone.
/// </summary>
/// <param name="inner">The field that is guided.</param>
/// <param name="scale">s.</param>
/// <param name="detachNegative">
/// Whether v_neg is a constant (the default of the reference, <c>cfg_detach_neg</c>): then a cotangent u becomes s·u on
/// v_cond and nothing else; otherwise v_neg receives (1 − s)·u as well, in one product of 2B.
/// </param>
public sealed class GuidedVelocityField(IVelocityField inner, double scale, bool detachNegative = true) : IVelocityField
{
    /// <inheritdoc/>
    public double Scale { get; } = scale;

    /// <inheritdoc/>
    public bool KeepsForward => inner.KeepsForward;

    /// <summary>The same guidance of the same field, with the other or the same treatment of the negative branch in gradients.</summary>
    /// <param name="detachNegative">Whether v_neg is a constant.</param>
    public GuidedVelocityField With(bool detachNegative) => new(inner, Scale, detachNegative);

    /// <inheritdoc/>
    public Tensor Evaluate(Tensor x_B, Tensor sigma_B, Conditioning conditioning, ForwardTrace? trace = null)
    {
        if (!Guides(conditioning))
        {
            return inner.Evaluate(x_B, sigma_B, conditioning, trace);
        }
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var (conditional, negative) = EvaluateBranches(x_B, sigma_B, conditioning, trace);
        var type = AccumulationType.Of(conditional);
        var negative_B = negative!.to(type);
        var positive_B = conditional.to(type);
        return (negative_B + (positive_B - negative_B) * Scale).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public VelocityBranches EvaluateBranches(
        Tensor x_B,
        Tensor sigma_B,
        Conditioning conditioning,
        ForwardTrace? trace = null
    )
    {
        if (!Guides(conditioning))
        {
            return new(inner.Evaluate(x_B, sigma_B, conditioning, trace), null);
        }
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var both = conditioning.Joined();
        var batch = (int)x_B.size(0);
        var traceBoth = trace is null ? null : new ForwardTrace(RowsOfBoth(trace.Rows, batch));
        var v_2B = inner.Evaluate(torch.cat([x_B, x_B], 0), torch.cat([sigma_B, sigma_B], 0), both, traceBoth);
        if (traceBoth?.Kept is { } kept)
        {
            trace!.Kept = detachNegative ? kept : Split(kept, trace.Rows.Count);
        }
        return new(
            v_2B.narrow(0, batch, batch).MoveToOuterDisposeScope(),
            v_2B.narrow(0, 0, batch).MoveToOuterDisposeScope()
        );
    }

    /// <inheritdoc/>
    public void Prepare(Tensor x_B, Tensor sigma_B, Conditioning conditioning) =>
        inner.Prepare(x_B, sigma_B, conditioning);

    /// <inheritdoc/>
    public Tensor? Vjp(
        Tensor x_B,
        Tensor sigma_B,
        Conditioning conditioning,
        Tensor cotangent_B,
        bool wantInputGradient,
        KeptForward? kept = null,
        IParameterGradients? gradients = null
    )
    {
        if (!Guides(conditioning))
        {
            return inner.Vjp(x_B, sigma_B, conditioning, cotangent_B, wantInputGradient, kept, gradients);
        }
        using var scope = torch.NewDisposeScope();
        if (detachNegative)
        {
            return inner
                .Vjp(x_B, sigma_B, conditioning, cotangent_B * Scale, wantInputGradient, kept, gradients)
                ?.MoveToOuterDisposeScope();
        }
        var both = conditioning.Joined();
        using var keptBoth = kept is null ? null : KeptForward.Concat([kept.Negative!, kept.WithoutNegative()]);
        var x_2B = torch.cat([x_B, x_B], 0);
        var sigma_2B = torch.cat([sigma_B, sigma_B], 0);
        var cotangent_2B = torch.cat([cotangent_B * (1 - Scale), cotangent_B * Scale], 0);
        var gradient_2B = inner.Vjp(x_2B, sigma_2B, both, cotangent_2B, wantInputGradient, keptBoth, gradients);
        if (gradient_2B is null)
        {
            return null;
        }
        var batch = x_B.size(0);
        return (gradient_2B.narrow(0, 0, batch) + gradient_2B.narrow(0, batch, batch)).MoveToOuterDisposeScope();
    }

    // Positions in a batch of the negative branch first.
    private int[] RowsOfBoth(IReadOnlyList<int> rows, int batch) =>
        detachNegative ? [.. rows.Select(row => row + batch)] : [.. rows, .. rows.Select(row => row + batch)];

    private static KeptForward Split(KeptForward both, int count)
    {
        using (both)
        {
            int[] rows = [.. Enumerable.Range(0, count)];
            var negative = both.Copy(rows);
            try
            {
                return both.Copy([.. rows.Select(row => row + count)], negative);
            }
            catch
            {
                negative.Dispose();
                throw;
            }
        }
    }

    private bool Guides(Conditioning conditioning) => conditioning.Negative is not null && Scale != 1;
}
