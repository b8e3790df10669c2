// Classifier-free guidance as a decorator. Both branches run as one forward of 2B, because a wider batch costs less than
// a second launch of every layer. The pullback is where it pays to think: a detached negative branch is a constant, so a
// cotangent needs neither its forward nor its backward.

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
public sealed class GuidedVelocityField(IVelocityField inner, double scale, bool detachNegative = true)
    : IGuidedBranches
{
    /// <inheritdoc/>
    public double Scale { get; } = scale;

    /// <inheritdoc/>
    public Tensor Evaluate(Tensor x_B, Tensor sigma_B, Conditioning conditioning)
    {
        if (!Guides(conditioning))
        {
            return inner.Evaluate(x_B, sigma_B, conditioning);
        }
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var (conditional, negative) = EvaluateBranches(x_B, sigma_B, conditioning);
        var type = AccumulationType.Of(conditional);
        var negative_B = negative!.to(type);
        var positive_B = conditional.to(type);
        return (negative_B + (positive_B - negative_B) * Scale).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public VelocityBranches EvaluateBranches(Tensor x_B, Tensor sigma_B, Conditioning conditioning)
    {
        if (!Guides(conditioning))
        {
            return new(inner.Evaluate(x_B, sigma_B, conditioning), null);
        }
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var both = Conditioning.Concat(conditioning.Negative!, conditioning);
        var v_2B = inner.Evaluate(torch.cat([x_B, x_B], 0), torch.cat([sigma_B, sigma_B], 0), both);
        var batch = x_B.size(0);
        return new(
            v_2B.narrow(0, batch, batch).MoveToOuterDisposeScope(),
            v_2B.narrow(0, 0, batch).MoveToOuterDisposeScope()
        );
    }

    /// <inheritdoc/>
    public Tensor? Vjp(
        Tensor x_B,
        Tensor sigma_B,
        Conditioning conditioning,
        Tensor cotangent_B,
        bool wantInputGradient
    )
    {
        if (!Guides(conditioning))
        {
            return inner.Vjp(x_B, sigma_B, conditioning, cotangent_B, wantInputGradient);
        }
        using var scope = torch.NewDisposeScope();
        if (detachNegative)
        {
            return inner
                .Vjp(x_B, sigma_B, conditioning, cotangent_B * Scale, wantInputGradient)
                ?.MoveToOuterDisposeScope();
        }
        using var both = Conditioning.Concat(conditioning.Negative!, conditioning);
        var x_2B = torch.cat([x_B, x_B], 0);
        var sigma_2B = torch.cat([sigma_B, sigma_B], 0);
        var cotangent_2B = torch.cat([cotangent_B * (1 - Scale), cotangent_B * Scale], 0);
        var gradient_2B = inner.Vjp(x_2B, sigma_2B, both, cotangent_2B, wantInputGradient);
        if (gradient_2B is null)
        {
            return null;
        }
        var batch = x_B.size(0);
        return (gradient_2B.narrow(0, 0, batch) + gradient_2B.narrow(0, batch, batch)).MoveToOuterDisposeScope();
    }

    private bool Guides(Conditioning conditioning) => conditioning.Negative is not null && Scale != 1;
}
