// Turns whatever was thrown into one line and an exit code. Exceptions of the project already speak to the user; those of
// the system say what the runtime noticed, and here is added what to do about it.

using System.Reflection;
using System.Runtime.InteropServices;
using FlowBP.Cuda;
using FlowBP.Formats;
using FlowBP.Pictures;
using FlowBP.Settings;
using FlowBP.Surrogates;
using FlowBP.Training.Devices;
using FlowBP.Training.Ranks;
using FlowBP.Training.Runs;

namespace FlowBP.Cli.Failures;

/// <summary>A failure as the user sees it.</summary>
/// <param name="Line">One line without a line break: what, where, what to do.</param>
/// <param name="ExitCode">1 failed, 2 wrong usage, 75 suspended, 130 stopped.</param>
internal readonly record struct FailureReport(string Line, int ExitCode)
{
    public const int Failed = 1;
    public const int WrongUsage = 2;

    /// <summary>EX_TEMPFAIL of sysexits.h: whoever manages jobs queues it again.</summary>
    public const int Suspended = 75;

    /// <summary>128 + SIGINT, as shells have it.</summary>
    public const int Stopped = 130;

    // Linux: errno values that .NET reports as the HResult of an IOException.
    private const int NoSpace = 28;
    private const int QuotaExceeded = 122;

    private const string TooLarge =
        "compute fewer samples at once (rollout_batch_size, reward_batch_size, vjp_batch_size, eval_batch_size), set"
        + " gradient_checkpointing, train an adapter (lora_rank), or free memory";

    private const string CheckPath = "check the path and its permissions";

    /// <summary>The report of an exception.</summary>
    public static FailureReport Of(Exception exception)
    {
        var cause = Unwrap(exception);
        return cause switch
        {
            UsageException or InvalidSettingException => new(OneLine(cause.Message), WrongUsage),
            SuspendedRunException => new(OneLine(cause.Message), Suspended),
            OperationCanceledException => new("stopped; every file written so far is complete", Stopped),
            FailedException or CheckpointException or DeviceUnavailableException or PicturesUnavailableException =>
                Failure(cause.Message),
            // Not its subclasses of the runtime: a division by zero does not speak for itself.
            NonFiniteException or RanksDifferException => Failure(cause.Message),
            InterruptedRunException run => Interrupted(run),
            IOException io when IsDiskFull(io) => Failure($"the disk is full: {io.Message}; free some space"),
            FileNotFoundException { FileName: { } file } when cause.Message.Contains("Could not load") => Failure(
                $"{file} is missing from the program's folder; run ./flowbp build"
            ),
            InvalidDataException => Failure(cause.Message),
            IOException when SpeaksForItself(cause) => Failure(cause.Message),
            IOException or UnauthorizedAccessException => Failure($"{cause.Message} ({CheckPath})"),
            DllNotFoundException or EntryPointNotFoundException or BadImageFormatException => Failure(
                $"the native library does not load: {cause.Message}"
            ),
            OutOfMemoryException => Failure($"out of memory; {TooLarge}"),
            ExternalException or CudaException when IsOutOfMemory(cause) => Failure(
                $"out of memory: {FirstSentence(cause.Message)}; {TooLarge}"
            ),
            ExternalException => Failure($"libtorch: {cause.Message} (FLOWBP_DEBUG=1 shows where)"),
            _ => Failure($"{cause.GetType().Name}: {cause.Message} (FLOWBP_DEBUG=1 shows where)"),
        };
    }

    // The cause as it would be told by itself, and where to find what it did not cost.
    private static FailureReport Interrupted(InterruptedRunException run)
    {
        var cause = Of(run.Cause);
        var count = run.Steps == 1 ? "1 step" : $"{run.Steps} steps";
        var during = run.During is null ? "" : $"{run.During}: ";
        return cause with { Line = $"{during}{cause.Line} (the weights after {count} are in {run.Weights})" };
    }

    // libtorch on a CPU and on a GPU, its libraries, and the driver.
    private static bool IsOutOfMemory(Exception e) =>
        s_outOfMemory.Any(words => e.Message.Contains(words, StringComparison.OrdinalIgnoreCase));

    private static readonly string[] s_outOfMemory =
    [
        "can't allocate memory",
        "out of memory",
        "CUBLAS_STATUS_ALLOC_FAILED",
        "CUDNN_STATUS_ALLOC_FAILED",
        "CUDA_ERROR_OUT_OF_MEMORY",
    ];

    // libtorch goes on with a table of its allocator and a stack trace.
    private static string FirstSentence(string message)
    {
        var line = message.Split('\n', 2)[0];
        var end = line.IndexOf(". ", StringComparison.Ordinal);
        return (end < 0 ? line : line[..end]).TrimEnd('.');
    }

    private static FailureReport Failure(string message) => new(OneLine(message), Failed);

    private static bool IsDiskFull(IOException e) => (e.HResult & 0xFFFF) is NoSpace or QuotaExceeded;

    // The runtime sets an errno or a file name, the project's own messages come without: those say what to do already.
    private static bool SpeaksForItself(Exception e) =>
        e is FileNotFoundException { FileName: null } || e.HResult == new IOException().HResult;

    // What wraps an exception on its way (a static constructor, a parallel loop) says nothing about its cause.
    private static Exception Unwrap(Exception e) =>
        e switch
        {
            TypeInitializationException { InnerException: { } inner } => Unwrap(inner),
            TargetInvocationException { InnerException: { } inner } => Unwrap(inner),
            AggregateException { InnerException: { } inner } => Unwrap(inner),
            _ => e,
        };

    private static string OneLine(string message) =>
        string.Join(' ', message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
