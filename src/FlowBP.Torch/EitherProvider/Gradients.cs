// TorchSharp's autograd.grad lets libtorch's errors through its native frames, which ends the process: a graph that was freed, a
// cotangent that does not fit, memory that ran out. What is here throws, with either provider.

namespace FlowBP.Torch;

/// <summary>Gradients of recorded graphs, where whatever goes wrong is an exception.</summary>
public static class Gradients
{
    /// <summary>The gradients of outputs with respect to inputs, without touching any leaf's own. The graph is freed.</summary>
    /// <param name="outputs">What is differentiated; each requires gradients.</param>
    /// <param name="inputs">With respect to what; each requires gradients.</param>
    /// <param name="cotangents">One per output, of its shape; null: ones, for outputs of a single element.</param>
    /// <returns>One per input; null where no output depends on it.</returns>
    /// <exception cref="ArgumentException">The cotangents don't fit the outputs.</exception>
    /// <exception cref="System.Runtime.InteropServices.ExternalException">libtorch refused.</exception>
    /// <remarks>An exception in a <see cref="Recomputation"/>'s backward arrives as it was thrown.</remarks>
    public static torch.Tensor?[] Of(
        IReadOnlyList<torch.Tensor> outputs,
        IReadOnlyList<torch.Tensor> inputs,
        IReadOnlyList<torch.Tensor>? cotangents = null
    )
    {
        using var scope = torch.NewDisposeScope();
        var from = Checked(outputs, cotangents);
        var found = Guarded(() => GraphGradients.Of([.. outputs], [.. inputs], from));
        return [.. found.Select(gradient => gradient?.MoveToOuterDisposeScope())];
    }

    /// <summary>Adds to the <c>grad</c> of the leaves that outputs depend on. The graph is freed.</summary>
    /// <param name="outputs">What is differentiated; each requires gradients.</param>
    /// <param name="cotangents">One per output, of its shape; null: ones, for outputs of a single element.</param>
    /// <exception cref="ArgumentException">The cotangents don't fit the outputs.</exception>
    /// <exception cref="System.Runtime.InteropServices.ExternalException">libtorch refused.</exception>
    /// <remarks>As <c>loss.backward()</c>; but an exception in a <see cref="Recomputation"/>'s backward arrives as it was thrown.</remarks>
    public static void Backward(IReadOnlyList<torch.Tensor> outputs, IReadOnlyList<torch.Tensor>? cotangents = null)
    {
        using var scope = torch.NewDisposeScope();
        var from = Checked(outputs, cotangents);
        Guarded(() =>
        {
            torch.autograd.backward([.. outputs], from);
            return true;
        });
    }

    private static torch.Tensor[] Checked(IReadOnlyList<torch.Tensor> outputs, IReadOnlyList<torch.Tensor>? cotangents)
    {
        if (cotangents is not null && cotangents.Count != outputs.Count)
        {
            throw new ArgumentException(
                $"{cotangents.Count} cotangents for {outputs.Count} outputs",
                nameof(cotangents)
            );
        }
        for (var i = 0; i < outputs.Count; i++)
        {
            var fits = cotangents is null
                ? outputs[i].numel() == 1
                : cotangents[i].shape.SequenceEqual(outputs[i].shape);
            if (!fits)
            {
                throw new ArgumentException(
                    $"output {i} is {Shape(outputs[i])}, and its cotangent "
                        + (cotangents is null ? "is missing" : $"{Shape(cotangents[i])}"),
                    nameof(cotangents)
                );
            }
        }
        return cotangents is null ? [.. outputs.Select(output => torch.ones_like(output))] : [.. cotangents];
    }

    private static T Guarded<T>(Func<T> pull)
    {
        try
        {
            return pull();
        }
        catch (System.Runtime.InteropServices.ExternalException e)
        {
            ManagedBackward.Rethrow(e);
            throw;
        }
        finally
        {
            ManagedBackward.FreeReturned();
        }
    }

    private static string Shape(torch.Tensor tensor) => $"[{string.Join(", ", tensor.shape)}]";
}
