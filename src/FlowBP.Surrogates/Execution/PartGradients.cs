// Gradients of the parts of a batch, taken side by side and added in the order of the parts: which thread finishes first
// changes no bit. Autograd's own accumulation into shared leaves would be safe, but its order is anybody's.

namespace FlowBP.Surrogates;

/// <summary>What is pulled back through a part's graph.</summary>
/// <param name="Output">The end of the graph.</param>
/// <param name="Cotangent">Of the output's shape and type; null for a scalar output.</param>
/// <param name="Input">A leaf whose gradient is wanted besides the parameters'; null: none.</param>
public readonly record struct Pullback(Tensor Output, Tensor? Cotangent = null, Tensor? Input = null);

/// <summary>Adds gradients of parts of a batch to those of the parameters.</summary>
/// <param name="parameters">The leaves, all that require gradients.</param>
/// <param name="workers">The threads; they stay the caller's.</param>
public sealed class PartGradients(IEnumerable<Tensor> parameters, BatchWorkers workers)
{
    private readonly Tensor[] parameters = [.. parameters];

    /// <summary>
    /// Builds the graph of each part on a worker, with recording on and in a dispose scope of its own, and adds the parts'
    /// gradients to the parameters' <c>grad</c>.
    /// </summary>
    /// <param name="rows">Rows of the batch.</param>
    /// <param name="forward">The graph of some rows. It is called from the workers' threads.</param>
    /// <returns>
    /// Per part, the gradient with respect to <see cref="Pullback.Input"/>: null where none was asked for, zeros where the
    /// graph does not depend on it.
    /// </returns>
    public IReadOnlyList<Tensor?> Accumulate(int rows, Func<Range, Pullback> forward)
    {
        var pulled = workers.Run(
            [.. workers.Parts(rows).Select(part => (Func<Pulled>)(() => Pull(forward, part)))],
            part => part.Dispose()
        );
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        try
        {
            foreach (var part in pulled)
            {
                Add(part.Parameters);
            }
        }
        catch
        {
            foreach (var part in pulled)
            {
                part.Dispose();
            }
            throw;
        }
        return [.. pulled.Select(part => part.Input)];
    }

    private Pulled Pull(Func<Range, Pullback> forward, Range rows)
    {
        using var scope = torch.NewDisposeScope();
        using var withGrad = torch.enable_grad();
        var (output, cotangent, input) = forward(rows);
        var gradients = Gradients.Of(
            [output],
            input is null ? parameters : [.. parameters, input],
            cotangent is null ? null : [cotangent]
        );
        var input_n = input is null ? null : gradients[^1] ?? torch.zeros_like(input);
        // Last: what is detached belongs to the result.
        foreach (var gradient in gradients.Append(input_n))
        {
            gradient?.DetachFromDisposeScope();
        }
        return new([.. gradients.Take(parameters.Length)], input_n);
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

    private sealed record Pulled(Tensor?[] Parameters, Tensor? Input) : IDisposable
    {
        public void Dispose()
        {
            foreach (var gradient in Parameters.Append(Input))
            {
                gradient?.Dispose();
            }
        }
    }
}
