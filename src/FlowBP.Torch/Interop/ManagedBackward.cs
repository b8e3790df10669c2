using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace FlowBP.Torch;

/// <summary>Runs a backward: the own binding carries its exceptions and frees its tensors (<see cref="ManagedFailure"/>).</summary>
internal static class ManagedBackward
{
    /// <summary>Runs it.</summary>
    /// <param name="received">The gradients that the engine handed over.</param>
    /// <param name="isTensor">By argument of the function: whether it is a tensor, which gets a gradient.</param>
    /// <param name="backward">One per argument, or null; of the scope that it is called in.</param>
    public static List<torch.Tensor> Run(
        List<torch.Tensor> received,
        IReadOnlyList<bool> isTensor,
        Func<List<torch.Tensor?>> backward
    ) => backward()!;

    /// <summary>Nothing waits.</summary>
    public static void FreeReturned() { }

    /// <summary>Throws the exception of a managed backward that an error carries; returns where it is libtorch's own.</summary>
    public static void Rethrow(ExternalException error)
    {
        if (error.InnerException is { } cause)
        {
            ExceptionDispatchInfo.Throw(cause);
        }
    }
}
