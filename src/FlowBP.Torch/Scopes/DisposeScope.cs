namespace FlowBP.Torch;

/// <summary>
/// Disposes, at its end, every tensor that was created on this thread since its beginning and neither disposed nor
/// moved out. Scopes nest; the innermost one takes new tensors. A scope belongs to the thread that opened it, but its
/// tensors may be used, disposed and moved on others.
/// </summary>
/// <example><code>
/// using var scope = torch.NewDisposeScope();
/// var y = (x * 2).tanh();
/// return y.MoveToOuterDisposeScope();
/// </code></example>
public sealed class DisposeScope : IDisposable
{
    [ThreadStatic]
    private static DisposeScope? innermost;

    private readonly Lock gate = new();
    private readonly DisposeScope? outer;
    private List<torch.Tensor> tensors = [];
    private bool disposed;

    internal DisposeScope()
    {
        outer = Current;
        innermost = this;
    }

    /// <summary>The scope around this one that is still open, or null.</summary>
    public DisposeScope? OuterScope => FirstOpen(outer);

    /// <summary>How many tensors the scope holds now.</summary>
    public int DisposablesCount
    {
        get
        {
            lock (gate)
            {
                return tensors.Count;
            }
        }
    }

    /// <summary>The innermost scope of this thread that is still open (scopes may be disposed in any order).</summary>
    internal static DisposeScope? Current => innermost is { disposed: false } ? innermost : FirstOpen(innermost);

    /// <summary>Disposes what the scope holds; the scope around it takes new tensors again.</summary>
    public void Dispose()
    {
        List<torch.Tensor> left;
        lock (gate)
        {
            if (disposed)
            {
                return;
            }

            disposed = true;
            left = tensors;
            tensors = [];
        }

        for (var i = left.Count - 1; i >= 0; i--)
        {
            left[i].DisposeFromScope();
        }

        innermost = FirstOpen(innermost);
    }

    /// <summary>Hands a tensor of this scope to the one around it (to nobody where there is none) and returns it.</summary>
    public T MoveToOuter<T>(T disposable)
        where T : torch.Tensor
    {
        if (Remove(disposable))
        {
            OuterScope?.Add(disposable);
        }

        return disposable;
    }

    /// <inheritdoc cref="MoveToOuter{T}(T)"/>
    public (T1 first, T2 second) MoveToOuter<T1, T2>(T1 first, T2 second)
        where T1 : torch.Tensor
        where T2 : torch.Tensor => (MoveToOuter(first), MoveToOuter(second));

    /// <summary>Takes a tensor out of this scope: its owner disposes it. Returns it.</summary>
    public T Detach<T>(T disposable)
        where T : torch.Tensor
    {
        Remove(disposable);
        return disposable;
    }

    /// <summary>Takes a tensor into this scope, out of the one that it was in, if any.</summary>
    public void Attach(torch.Tensor disposable)
    {
        disposable.scope?.Remove(disposable);
        Add(disposable);
    }

    /// <summary>Whether the scope would dispose the tensor.</summary>
    public bool Contains(torch.Tensor disposable) => disposable.scope == this;

    /// <summary>Disposes what the scope holds but for some tensors; the scope stays open.</summary>
    public void DisposeEverythingBut(params torch.Tensor[] keep)
    {
        torch.Tensor[] all;
        lock (gate)
        {
            all = [.. tensors];
        }

        foreach (var tensor in all)
        {
            if (Array.IndexOf(keep, tensor) < 0)
            {
                tensor.Dispose();
            }
        }
    }

    /// <summary>Disposes what the scope holds; the scope stays open.</summary>
    public void DisposeEverything() => DisposeEverythingBut();

    internal void Add(torch.Tensor tensor)
    {
        lock (gate)
        {
            // A scope that another thread has just closed takes nothing more: the tensor is its owner's.
            if (!disposed)
            {
                tensor.scope = this;
                tensor.scopeIndex = tensors.Count;
                tensors.Add(tensor);
            }
        }
    }

    // The last tensor takes the place of the removed one, so that removal does not search.
    internal bool Remove(torch.Tensor tensor)
    {
        lock (gate)
        {
            if (disposed || tensor.scope != this)
            {
                return false;
            }

            var last = tensors[^1];
            tensors[tensor.scopeIndex] = last;
            last.scopeIndex = tensor.scopeIndex;
            tensors.RemoveAt(tensors.Count - 1);
            tensor.scope = null;
            return true;
        }
    }

    private static DisposeScope? FirstOpen(DisposeScope? scope)
    {
        while (scope is { disposed: true })
        {
            scope = scope.outer;
        }

        return scope;
    }
}
