// The same function on parts of the batch, side by side. The parts' gradients are taken apart and added in the order of the
// parts: which thread finishes first changes no bit.

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
    private readonly Tensor[] parameters = [.. parameters];

    /// <inheritdoc/>
    public Tensor Evaluate(Tensor x_B, Tensor sigma_B, Conditioning conditioning)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var velocity_parts = workers.Run([
            .. workers
                .Parts((int)x_B.size(0))
                .Select(rows =>
                    (Func<Tensor>)(
                        () =>
                        {
                            using var part = new Part(x_B, sigma_B, conditioning, rows);
                            return field.Evaluate(part.X, part.Sigma, part.Conditioning);
                        }
                    )
                ),
        ]);
        return Joined(velocity_parts).MoveToOuterDisposeScope();
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
        var pulled = workers.Run([
            .. workers
                .Parts((int)x_B.size(0))
                .Select(rows =>
                    (Func<Pulled>)(
                        () =>
                        {
                            using var part = new Part(x_B, sigma_B, conditioning, rows);
                            using var cotangent = cotangent_B.narrow(0, part.First, part.Length);
                            return Pull(part, cotangent, wantInputGradient);
                        }
                    )
                ),
        ]);
        using var noGrad = torch.no_grad();
        foreach (var part in pulled)
        {
            Add(part.Parameters);
        }
        return wantInputGradient ? Joined([.. pulled.Select(part => part.Input!)]).MoveToOuterDisposeScope() : null;
    }

    private Pulled Pull(Part part, Tensor cotangent_n, bool wantInputGradient)
    {
        using var scope = torch.NewDisposeScope();
        using var withGrad = torch.enable_grad();
        var input_n = part.X.detach().requires_grad_(wantInputGradient);
        var velocity_n = field.Forward(input_n, part.Sigma, part.Conditioning);
        Tensor[] leaves = wantInputGradient ? [.. parameters, input_n] : parameters;
        var gradients = torch.autograd.grad(
            [velocity_n],
            leaves,
            [cotangent_n.to(velocity_n.dtype)],
            allow_unused: true
        );
        foreach (var gradient in gradients)
        {
            gradient?.DetachFromDisposeScope();
        }
        // A field that ignores x leaves no gradient there.
        return new(
            [.. gradients.Take(parameters.Length)],
            wantInputGradient ? gradients[^1] ?? torch.zeros_like(part.X).DetachFromDisposeScope() : null
        );
    }

    private void Add(Tensor?[] gradients)
    {
        for (var i = 0; i < parameters.Length; i++)
        {
            if (gradients[i] is not { } gradient)
            {
                continue;
            }
            if (parameters[i].grad is { } sum)
            {
                sum.add_(gradient);
            }
            else
            {
                // A copy: a gradient of autograd's may be expanded, or share its memory with another one.
                parameters[i].grad = gradient.clone();
            }
            gradient.Dispose();
        }
    }

    private static Tensor Joined(IReadOnlyList<Tensor> parts)
    {
        var joined = torch.cat([.. parts], 0);
        foreach (var part in parts)
        {
            part.Dispose();
        }
        return joined;
    }

    private sealed record Pulled(Tensor?[] Parameters, Tensor? Input);

    // Views of some samples, owned by the thread that made them.
    private sealed class Part(Tensor x_B, Tensor sigma_B, Conditioning conditioning, Range rows) : IDisposable
    {
        public int First { get; } = rows.Start.Value;

        public int Length { get; } = rows.End.Value - rows.Start.Value;

        public Tensor X { get; } = x_B.narrow(0, rows.Start.Value, rows.End.Value - rows.Start.Value);

        public Tensor Sigma { get; } = sigma_B.narrow(0, rows.Start.Value, rows.End.Value - rows.Start.Value);

        public Conditioning Conditioning { get; } =
            conditioning.Select([.. Enumerable.Range(rows.Start.Value, rows.End.Value - rows.Start.Value)]);

        public void Dispose()
        {
            X.Dispose();
            Sigma.Dispose();
            Conditioning.Dispose();
        }
    }
}
