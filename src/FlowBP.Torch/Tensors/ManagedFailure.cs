using System.Collections.Concurrent;
using System.Globalization;
using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

/// <summary>
/// Carries an exception out of a managed backward, through libtorch's engine, to the caller of backward. The engine
/// passes on a message and nothing else, possibly from a thread of its own: so the message carries a number, in front
/// of it, under which the exception itself waits here.
/// </summary>
internal static class ManagedFailure
{
    private const char Mark = '\u0001';
    private static readonly ConcurrentDictionary<long, Exception> Waiting = new();
    private static long last;

    /// <summary>Makes an exception this thread's last error.</summary>
    public static void Set(Exception exception)
    {
        var number = Interlocked.Increment(ref last);
        Waiting[number] = exception;
        NativeMethods.flowbp_set_last_error(
            $"{Mark}{number}{Mark}{exception.GetType().Name} in a managed backward: {exception.Message}"
        );
    }

    /// <summary>Finds the exception that a message stands for, and takes the number out of the message.</summary>
    public static Exception? Take(ref string message)
    {
        var start = message.IndexOf(Mark);
        var end = start < 0 ? -1 : message.IndexOf(Mark, start + 1);
        if (end < 0)
        {
            return null;
        }

        var number = message[(start + 1)..end];
        message = message.Remove(start, end - start + 1);
        return Waiting.TryRemove(long.Parse(number, CultureInfo.InvariantCulture), out var cause) ? cause : null;
    }
}
