namespace FlowBP.Torch;

/// <summary>
/// Disposes, at its end, every tensor that was created on this thread since its beginning and neither disposed nor
/// moved out. Scopes nest; the innermost one takes new tensors.
/// </summary>
/// <example><code>
/// using var scope = torch.NewDisposeScope();
/// var y = (x * 2).tanh();
/// return y.MoveToOuterDisposeScope();
/// </code></example>
public sealed class DisposeScope : IDisposable
{
    [ThreadStatic]
    private static DisposeScope? current;

    private readonly List<torch.Tensor> tensors = [];
    private bool disposed;

    internal DisposeScope()
    {
        OuterScope = current;
        current = this;
    }

    /// <summary>The scope around this one, or null.</summary>
    public DisposeScope? OuterScope { get; }

    /// <summary>How many tensors the scope holds now.</summary>
    public int DisposablesCount => tensors.Count;

    internal static DisposeScope? Current => current;

    /// <summary>Disposes what the scope holds and makes the outer scope the current one again.</summary>
    public void Dispose()
    {
        if (disposed)
        {
            return;
        }

        disposed = true;
        for (int i = tensors.Count - 1; i >= 0; i--)
        {
            tensors[i].DisposeFromScope();
        }

        tensors.Clear();
        if (ReferenceEquals(current, this))
        {
            current = OuterScope;
        }
    }

    /// <summary>Hands a tensor to the outer scope (to nobody where there is none) and returns it.</summary>
    public torch.Tensor MoveToOuter(torch.Tensor tensor)
    {
        if (tensor.scope == this)
        {
            Remove(tensor);
            OuterScope?.Add(tensor);
        }

        return tensor;
    }

    /// <summary>Takes a tensor out of all scopes: its owner disposes it. Returns it.</summary>
    public torch.Tensor Detach(torch.Tensor tensor)
    {
        if (tensor.scope == this)
        {
            Remove(tensor);
        }

        return tensor;
    }

    internal void Add(torch.Tensor tensor)
    {
        tensor.scope = this;
        tensor.scopeIndex = tensors.Count;
        tensors.Add(tensor);
    }

    // The last tensor takes the place of the removed one, so that removal does not search.
    internal void Remove(torch.Tensor tensor)
    {
        if (disposed)
        {
            tensor.scope = null;
            return;
        }

        torch.Tensor last = tensors[^1];
        tensors[tensor.scopeIndex] = last;
        last.scopeIndex = tensor.scopeIndex;
        tensors.RemoveAt(tensors.Count - 1);
        tensor.scope = null;
    }
}
