// A computation on paper: which tensors exist when, what autograd keeps of them, how many operations they cost. A network is
// described once, operation by operation, with the shapes it would have; its forward and its backward are then played through
// with a count of live bytes. That gives what one formula per layer would give (saved activations, the high-water mark), and it
// holds for any batch, resolution and type.
//
// Three rules of the tensor library and of this project's code decide when memory is held:
//   * a dispose scope keeps every intermediate result until the scope ends, whether it is still needed or not;
//   * autograd keeps of an operation what its derivative reads, and nothing else: a product keeps a factor only if the other
//     one receives a gradient, a convolution and a normalisation always keep their input;
//   * a backward gives back what an operation kept as soon as the operation's derivative has been taken.

namespace FlowBP.Families.Tracing;

/// <summary>A computation on paper.</summary>
internal sealed partial class OperationTrace(TraceOptions options)
{
    private readonly Stack<List<TracedStorage>> scopes = new([
        [],
    ]);
    private readonly List<Operation> operations = [];
    private long live;

    public TraceOptions Options { get; } = options;

    /// <summary>Images that go through at once.</summary>
    public long Images => Options.Images;

    /// <summary>The most bytes that were held at once.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>Bytes that are held now; after a forward whose scopes have ended: what autograd saved, and the outputs.</summary>
    public long LiveBytes => live;

    /// <summary>Elements of the weights that were used.</summary>
    public long Parameters { get; private set; }

    /// <summary>Floating-point operations of the matrix products of the forward.</summary>
    public double ForwardFlops { get; private set; }

    /// <summary>Those of the backward.</summary>
    public double BackwardFlops { get; private set; }

    /// <summary>A tensor that exists before the computation and is the caller's to count.</summary>
    public TracedTensor Given(long elements, bool needsGradient = false, int? elementBytes = null) =>
        new(
            elements,
            elementBytes ?? Options.ElementBytes,
            needsGradient && Options.Recording,
            new TracedStorage(0) { Holders = 1 }
        );

    /// <summary>A tensor that is made here.</summary>
    public TracedTensor Made(long elements, bool needsGradient = false, int? elementBytes = null) =>
        New(elements, needsGradient, elementBytes ?? Options.ElementBytes);

    /// <summary>Begins a dispose scope.</summary>
    public void BeginScope() => scopes.Push([]);

    /// <summary>Ends the innermost scope: all that was made in it is let go, but for some.</summary>
    public void EndScope(params ReadOnlySpan<TracedTensor?> moved)
    {
        var ended = scopes.Pop();
        foreach (var tensor in moved)
        {
            if (tensor is not null)
            {
                Hold(tensor.Storage);
                scopes.Peek().Add(tensor.Storage);
            }
        }
        ended.ForEach(Release);
    }

    /// <summary>Lets a tensor of the innermost scope go before the scope ends.</summary>
    /// <param name="tensor">The tensor.</param>
    public void Free(TracedTensor tensor)
    {
        if (scopes.Peek().Remove(tensor.Storage))
        {
            Release(tensor.Storage);
        }
    }

    /// <summary>Pulls a cotangent of the output back through everything that was recorded.</summary>
    /// <param name="outputs">The ends of the graph; their cotangents are made here.</param>
    public void Backward(params ReadOnlySpan<TracedTensor?> outputs)
    {
        foreach (var output in outputs)
        {
            if (output is not null)
            {
                output.Gradient = Allocate(output.Bytes);
            }
        }
        for (var i = operations.Count - 1; i >= 0; i--)
        {
            Pull(operations[i]);
        }
        operations.Clear();
    }

    private void Pull(Operation operation)
    {
        if (operation.Output.Gradient is { } gradient)
        {
            using (Transient(operation.BackwardTransient + operation.WeightGradient))
            {
                foreach (var (input, isAlias) in operation.Inputs)
                {
                    Accumulate(input, isAlias ? gradient : null);
                }
                BackwardFlops += operation.BackwardFlops;
            }
            if (!Options.WeightGradientsExist)
            {
                // They stay, on top of everything that follows.
                Grow(operation.WeightGradient);
            }
            Release(gradient);
            operation.Output.Gradient = null;
        }
        foreach (var storage in operation.Saved)
        {
            Release(storage);
        }
    }

    private void Accumulate(TracedTensor input, TracedStorage? alias)
    {
        if (alias is not null)
        {
            Hold(alias);
        }
        var contribution = alias ?? Allocate(input.Bytes);
        if (input.Gradient is not { } sum)
        {
            input.Gradient = contribution;
        }
        else if (sum.Holders == 1)
        {
            Release(contribution);
        }
        else
        {
            // Someone else reads it still: the sum is a new tensor.
            input.Gradient = Allocate(input.Bytes);
            Release(sum);
            Release(contribution);
        }
    }

    // Records an operation; whatever it saves is held until its derivative is taken.
    private TracedTensor Record(
        long elements,
        int elementBytes,
        ReadOnlySpan<(TracedTensor Input, bool IsAlias)> inputs,
        ReadOnlySpan<TracedTensor> saved,
        Cost cost,
        bool savesOutput = false,
        TracedTensor? viewOf = null
    )
    {
        var recorded = new List<(TracedTensor, bool)>();
        foreach (var entry in inputs)
        {
            if (entry.Input.NeedsGradient)
            {
                recorded.Add(entry);
            }
        }
        var trains = Options.Recording && (Options.TrainsWeights || cost.IsAdapter) && cost.Weights > 0;
        var needsGradient = recorded.Count > 0 || trains;
        Grow(cost.ForwardTransient);
        var output = viewOf is null
            ? New(elements, needsGradient, elementBytes)
            : View(viewOf, elements, needsGradient, elementBytes);
        Shrink(cost.ForwardTransient);
        Parameters += cost.IsAdapter ? 0 : cost.Weights;
        ForwardFlops += cost.Flops;
        if (needsGradient)
        {
            List<TracedStorage> held = [];
            foreach (var tensor in saved)
            {
                held.Add(tensor.Storage);
            }
            if (savesOutput)
            {
                held.Add(output.Storage);
            }
            if (cost.SavedBytes > 0)
            {
                held.Add(new TracedStorage(cost.SavedBytes));
            }
            held.ForEach(Hold);
            operations.Add(
                new Operation(
                    output,
                    recorded,
                    held,
                    cost.BackwardTransient,
                    trains ? cost.Weights * (cost.IsAdapter ? sizeof(float) : Options.WeightGradientBytes) : 0,
                    (recorded.Count * cost.InputFlops) + (trains ? cost.WeightFlops : 0)
                )
            );
        }
        return output;
    }

    private TracedTensor New(long elements, bool needsGradient, int elementBytes)
    {
        var storage = Allocate(elements * elementBytes);
        scopes.Peek().Add(storage);
        return new TracedTensor(elements, elementBytes, needsGradient, storage);
    }

    private TracedTensor View(TracedTensor of, long elements, bool needsGradient, int elementBytes)
    {
        Hold(of.Storage);
        scopes.Peek().Add(of.Storage);
        return new TracedTensor(elements, elementBytes, needsGradient, of.Storage);
    }

    private TracedStorage Allocate(long bytes)
    {
        var storage = new TracedStorage(bytes);
        Hold(storage);
        return storage;
    }

    private void Hold(TracedStorage storage)
    {
        if (storage.Holders++ == 0)
        {
            Grow(storage.Bytes);
        }
    }

    private void Release(TracedStorage storage)
    {
        if (--storage.Holders == 0)
        {
            Shrink(storage.Bytes);
        }
    }

    private TransientBytes Transient(long bytes)
    {
        Grow(bytes);
        return new TransientBytes(this, bytes);
    }

    private void Grow(long bytes)
    {
        live += bytes;
        PeakBytes = Math.Max(PeakBytes, live);
    }

    private void Shrink(long bytes) => live -= bytes;

    private readonly struct TransientBytes(OperationTrace trace, long bytes) : IDisposable
    {
        public void Dispose() => trace.Shrink(bytes);
    }
}
