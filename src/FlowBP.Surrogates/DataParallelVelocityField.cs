// The same function on parts of the batch, side by side.

namespace FlowBP.Surrogates;

/// <summary>
/// A velocity field whose batch is divided among <see cref="BatchWorkers"/>. The function must treat samples
/// independently, as every network without batch statistics does.
/// </summary>
/// <param name="field">The field.</param>
/// <param name="parameters">The leaves that Vjp adds gradients to, all that require them.</param>
/// <param name="workers">The threads; they stay the caller's.</param>
public sealed class DataParallelVelocityField(
    AutogradVelocityField field,
    IEnumerable<Tensor> parameters,
    BatchWorkers workers
) : IVelocityField
{
    private readonly PartGradients gradients = new(parameters, workers);

    /// <inheritdoc/>
    public Tensor Evaluate(Tensor x_B, Tensor sigma_B, Conditioning conditioning)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var velocities = workers.Run([
            .. workers.Parts((int)x_B.size(0)).Select(rows => (Func<Tensor>)(() => Evaluate(rows))),
        ]);
        return Joined(velocities).MoveToOuterDisposeScope();

        Tensor Evaluate(Range rows)
        {
            using var part = conditioning.Select(Indices(rows));
            using var x_n = x_B.Rows(rows);
            using var sigma_n = sigma_B.Rows(rows);
            return field.Evaluate(x_n, sigma_n, part);
        }
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
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var inputs = gradients.Accumulate(
            (int)x_B.size(0),
            rows =>
            {
                using var part = conditioning.Select(Indices(rows));
                var input_n = x_B.Rows(rows).detach().requires_grad_(wantInputGradient);
                var velocity_n = field.Forward(input_n, sigma_B.Rows(rows), part);
                var cotangent_n = cotangent_B.Rows(rows).to(velocity_n.dtype);
                return new(velocity_n, cotangent_n, wantInputGradient ? input_n : null);
            }
        );
        return wantInputGradient ? Joined([.. inputs.Select(input => input!)]).MoveToOuterDisposeScope() : null;
    }

    private static int[] Indices(Range rows) =>
        [.. Enumerable.Range(rows.Start.Value, rows.End.Value - rows.Start.Value)];

    private static Tensor Joined(IReadOnlyList<Tensor> parts)
    {
        var joined = torch.cat([.. parts], 0);
        foreach (var part in parts)
        {
            part.Dispose();
        }
        return joined;
    }
}
