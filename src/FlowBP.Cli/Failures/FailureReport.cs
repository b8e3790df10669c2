// Turns whatever was thrown into one line and an exit code. Exceptions of the project already speak to the user; those of
// the system say what the runtime noticed, and here is added what to do about it.

using System.Reflection;
using System.Runtime.InteropServices;
using FlowBP.Models.Formats;
using FlowBP.Surrogates;
using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;
using FlowBP.Training.Optimization;
using FlowBP.Training.Pipelines;

namespace FlowBP.Cli.Failures;

/// <summary>A failure as the user sees it.</summary>
/// <param name="Line">One line without a line break: what, where, what to do.</param>
/// <param name="ExitCode">1 failed, 2 wrong usage, 130 stopped.</param>
internal readonly record struct FailureReport(string Line, int ExitCode)
{
    public const int Failed = 1;
    public const int WrongUsage = 2;

    /// <summary>128 + SIGINT, as shells have it.</summary>
    public const int Stopped = 130;

    // Linux: errno values that .NET reports as the HResult of an IOException.
    private const int NoSpace = 28;
    private const int QuotaExceeded = 122;

    private const string TooLarge =
        "lower the number of samples computed at once (batch_size, the *_chunk_size settings), or free memory";

    private const string CheckPath = "check the path and its permissions";

    /// <summary>The report of an exception.</summary>
    public static FailureReport Of(Exception exception)
    {
        var cause = Unwrap(exception);
        return cause switch
        {
            UsageException or ConfigurationException => new(OneLine(cause.Message), WrongUsage),
            OperationCanceledException => new("stopped; every file written so far is complete", Stopped),
            FailedException or CheckpointException or DeviceUnavailableException => Failure(cause.Message),
            // Not its subclasses of the runtime: a division by zero does not speak for itself.
            NonFiniteException or NonFiniteGradientException => Failure(cause.Message),
            TrainingStoppedException => Failure(cause.Message),
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
            ExternalException when cause.Message.Contains("can't allocate memory") => Failure(
                $"out of memory: {cause.Message}; {TooLarge}"
            ),
            ExternalException => Failure($"libtorch: {cause.Message} (FLOWBP_DEBUG=1 shows where)"),
            _ => Failure($"{cause.GetType().Name}: {cause.Message} (FLOWBP_DEBUG=1 shows where)"),
        };
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
