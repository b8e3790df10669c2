// A backward in C# is called by libtorch's engine through native frames. Two things go wrong there with TorchSharp: an exception
// ends the process, and whatever tensors come in or go out wait for the finaliser, or for the scope of whoever called backward.
//
// An exception becomes a gradient that libtorch must refuse: on the device meta, of a shape that carries a number. The engine's
// error names that shape, and under its number the exception waits.

using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace FlowBP.Torch;

/// <summary>Runs a backward so that nothing of it reaches native code but tensors.</summary>
internal static partial class ManagedBackward
{
    private const long Mark = 61707;
    private static readonly ConcurrentDictionary<long, ExceptionDispatchInfo> Failures = new();
    private static long last;

    // What this thread's backward calls returned: read by the engine before anything else of ours runs on the thread.
    [ThreadStatic]
    private static List<torch.Tensor>? returned;

    /// <summary>Runs it; frees what came in.</summary>
    /// <param name="received">The gradients that the engine handed over; null or without a handle where there is none.</param>
    /// <param name="isTensor">By argument of the function: whether it is a tensor, which gets a gradient.</param>
    /// <param name="backward">One per argument, or null; of the scope that it is called in.</param>
    public static List<torch.Tensor> Run(
        List<torch.Tensor> received,
        IReadOnlyList<bool> isTensor,
        Func<List<torch.Tensor?>> backward
    )
    {
        FreeReturned();
        using var scope = torch.NewDisposeScope();
        List<torch.Tensor?> gradients;
        try
        {
            gradients = backward();
        }
        catch (Exception e)
        {
            var number = Interlocked.Increment(ref last);
            Failures[number] = ExceptionDispatchInfo.Capture(e);
            gradients = [.. isTensor.Select(takes => takes ? Refused(number) : null)];
        }
        finally
        {
            foreach (var gradient in received)
            {
                gradient?.Dispose();
            }
        }
        returned = [.. gradients.OfType<torch.Tensor>().Select(gradient => gradient.DetachFromDisposeScope())];
        return gradients!;
    }

    /// <summary>Frees what this thread's last backward returned.</summary>
    public static void FreeReturned()
    {
        foreach (var gradient in returned ?? [])
        {
            gradient.Dispose();
        }
        returned = null;
    }

    /// <summary>Throws the exception that an error of the engine stands for; returns where it is the engine's own.</summary>
    public static void Rethrow(ExternalException error)
    {
        if (
            MarkedShape().Match(error.Message) is { Success: true } found
            && Failures.TryRemove(long.Parse(found.Groups[1].Value, CultureInfo.InvariantCulture), out var failure)
        )
        {
            failure.Throw();
        }
    }

    private static torch.Tensor Refused(long number) => torch.empty([Mark, number], device: torch.META);

    [GeneratedRegex(@"got \[61707, (\d+)\]")]
    private static partial Regex MarkedShape();
}
