using System.Runtime.InteropServices;

namespace FlowBP.Torch.Interop;

/// <summary>Turns a status of the native side into an exception.</summary>
internal static class TorchStatus
{
    /// <summary>Throws with libtorch's message if <paramref name="status"/> is not 0.</summary>
    /// <param name="status">What the native function returned.</param>
    /// <param name="context">What was being done, with the shapes involved; only evaluated on failure.</param>
    public static void Check(int status, Func<string>? context = null)
    {
        if (status != 0)
        {
            throw Failure(context?.Invoke());
        }
    }

    /// <summary>
    /// The exception for the calling thread's last error; where a managed backward threw, with what it threw inside.
    /// </summary>
    public static unsafe ExternalException Failure(string? context)
    {
        var message = Marshal.PtrToStringUTF8((nint)NativeMethods.flowbp_last_error()) ?? "unknown error";
        var cause = ManagedFailure.Take(ref message);
        // libtorch appends notes on where in its own sources the error arose: of no use to the reader here.
        var note = message.IndexOf("\nException raised from", StringComparison.Ordinal);
        message = (note < 0 ? message : message[..note]).TrimEnd();
        return new ExternalException(context is null ? message : $"{context}: {message}", cause);
    }
}
