// Where gradients of parameters go. A pullback finds them one block at a time, in the type it computes in; who receives them
// decides whether they are added to the leaves themselves, to wider masters, or kept apart until other threads are done.

namespace FlowBP.Surrogates;

/// <summary>Receives the gradients of parameters.</summary>
public interface IParameterGradients
{
    /// <summary>Adds a gradient to what was received before.</summary>
    /// <param name="parameter">The leaf it belongs to.</param>
    /// <param name="gradient">
    /// Of the leaf's shape and type. It stays the caller's, and may share its memory with others or be expanded.
    /// </param>
    void Add(Tensor parameter, Tensor gradient);
}

/// <summary>Adds gradients to the <c>grad</c> of the leaves.</summary>
public sealed class LeafGradients : IParameterGradients
{
    /// <summary>The only one there needs to be.</summary>
    public static LeafGradients Instance { get; } = new();

    /// <inheritdoc/>
    public void Add(Tensor parameter, Tensor gradient)
    {
        using var noGrad = torch.no_grad();
        if (parameter.grad is { } sum)
        {
            sum.add_(gradient);
        }
        else
        {
            parameter.grad = gradient.clone();
        }
    }
}

/// <summary>Keeps gradients apart until they are handed on. Owns them.</summary>
internal sealed class CollectedGradients : IParameterGradients, IDisposable
{
    private readonly Dictionary<Tensor, Tensor> sums = new(ReferenceEqualityComparer.Instance);
    private readonly List<Tensor> order = [];

    /// <inheritdoc/>
    public void Add(Tensor parameter, Tensor gradient)
    {
        // Not in place: a gradient of autograd's may be expanded, or share its memory with another one.
        using var noGrad = torch.no_grad();
        if (sums.TryGetValue(parameter, out var sum))
        {
            sums[parameter] = (sum + gradient).DetachFromDisposeScope();
            sum.Dispose();
            return;
        }
        sums[parameter] = gradient.alias().DetachFromDisposeScope();
        order.Add(parameter);
    }

    /// <summary>Adds everything to others, in the order of arrival.</summary>
    public void AddTo(IParameterGradients others)
    {
        foreach (var parameter in order)
        {
            others.Add(parameter, sums[parameter]);
        }
    }

    public void Dispose()
    {
        foreach (var sum in sums.Values)
        {
            sum.Dispose();
        }
    }
}
