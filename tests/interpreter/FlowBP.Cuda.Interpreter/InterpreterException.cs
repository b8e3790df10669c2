// A finding is an exception, thrown while the kernel runs: the first error of a kernel is the one worth reading, and the
// stack of the host thread shows who launched it.

namespace FlowBP.Cuda.Interpreter;

/// <summary>The interpreter found an error in a kernel, or in the way it is used.</summary>
public sealed class InterpreterException : Exception
{
    internal InterpreterException(Finding finding, string message)
        : base(message)
    {
        Finding = finding;
    }

    /// <summary>The kind of error.</summary>
    public Finding Finding { get; }

    /// <summary>The kernel; null where none was running.</summary>
    public string? Kernel { get; internal init; }

    /// <summary>Line of the PTX text, from 1; 0 where there is none.</summary>
    public int PtxLine { get; internal init; }

    /// <summary>Place in the CUDA source, "replay.cu:57", where the PTX was compiled with line information.</summary>
    public string? SourceLine { get; internal init; }
}
