// A failed call of the driver. CUDA reports failures of queued work at some later call, so the message names the call that
// reported it, and does not claim that this call is the one to blame.

namespace FlowBP.Cuda;

/// <summary>A call of the CUDA driver or of NVRTC reported an error.</summary>
public sealed class CudaException : Exception
{
    /// <summary>Describes a failed call.</summary>
    /// <param name="call">The call, with what tells it from others: "cuModuleLoadDataEx of replay.cu".</param>
    /// <param name="errorName">The code's name: "CUDA_ERROR_INVALID_PTX".</param>
    /// <param name="errorText">What the code means, in words.</param>
    /// <param name="log">A compiler's log; empty where there is none.</param>
    public CudaException(string call, string errorName, string errorText, string log = "")
        : base(log.Length == 0 ? $"{call}: {errorText} ({errorName})" : $"{call}: {errorText} ({errorName})\n{log}")
    {
        Call = call;
        ErrorName = errorName;
        ErrorText = errorText;
        Log = log;
    }

    /// <summary>The call that reported the error.</summary>
    public string Call { get; }

    /// <summary>The error code's name.</summary>
    public string ErrorName { get; }

    /// <summary>What the code means.</summary>
    public string ErrorText { get; }

    /// <summary>The log of the compiler involved; empty where there is none.</summary>
    public string Log { get; }
}
