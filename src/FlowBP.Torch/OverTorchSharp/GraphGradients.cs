// Of TorchSharp's ways into libtorch's autograd.grad the direct one ends the process where libtorch throws. TorchScript has the
// function as well, and an error in a script comes back as an exception.

using System.Collections;
using System.Runtime.InteropServices;

namespace FlowBP.Torch;

/// <summary>Gradients of a graph with respect to some of its inputs.</summary>
internal static class GraphGradients
{
    private const string Function = "grad";
    private const string Script = $"""
        def {Function}(outputs: List[Tensor], inputs: List[Tensor], cotangents: List[Tensor]) -> List[Optional[Tensor]]:
            given: List[Optional[Tensor]] = []
            for cotangent in cotangents:
                given.append(cotangent)
            return torch.autograd.grad(outputs, inputs, given, None, False, True)

        """;

    // What the interpreter writes in front of the error itself.
    private const string Error = "RuntimeError: ";

    private static readonly Lazy<torch.jit.CompilationUnit> Compiled = new(() => torch.jit.compile(Script));

    /// <summary>One per input; null where no output depends on it.</summary>
    public static torch.Tensor?[] Of(torch.Tensor[] outputs, torch.Tensor[] inputs, torch.Tensor[] cotangents)
    {
        try
        {
            var found = (IEnumerable)Compiled.Value.invoke(Function, outputs, inputs, cotangents);
            return [.. found.Cast<torch.Tensor?>()];
        }
        catch (ExternalException e)
        {
            var start = e.Message.LastIndexOf(Error, StringComparison.Ordinal);
            throw start < 0 ? e : new ExternalException(e.Message[(start + Error.Length)..].TrimEnd(), e);
        }
        finally
        {
            GC.KeepAlive(outputs);
            GC.KeepAlive(inputs);
            GC.KeepAlive(cotangents);
        }
    }
}
