using System.Runtime.InteropServices;
using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

/// <summary>
/// Carries an exception out of a managed backward, through libtorch's engine (which only sees a status), to the caller
/// of backward.
/// </summary>
internal static class ManagedFailure
{
    [ThreadStatic]
    private static Exception? pending;

    public static void Set(Exception exception)
    {
        pending = exception;
        NativeMethods.flowbp_set_last_error($"{exception.GetType().Name} in a managed backward: {exception.Message}");
    }

    public static void Check(int status, string context)
    {
        Exception? cause = pending;
        pending = null;
        if (status != 0)
        {
            ExternalException failure = TorchStatus.Failure(context);
            throw cause is null ? failure : new ExternalException(failure.Message, cause);
        }
    }
}
