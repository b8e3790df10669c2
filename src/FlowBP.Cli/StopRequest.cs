// A person presses Ctrl-C, a job's manager sends SIGTERM, a terminal that closes sends SIGHUP: all of them ask the command to stop
// where nothing is half-done, and what has been trained is stored then. Some ask twice in the same moment (a service manager sends
// SIGTERM and SIGHUP, a wrapper passes on what its child got already), which is one wish; a person who asks again after a while
// means it. SIGTERM and SIGUSR1 come from whoever manages jobs, to make way for another one: a command that can be gone on with later
// leaves what that takes.

using System.Runtime.InteropServices;

namespace FlowBP.Cli;

/// <summary>The wish to stop, from signals.</summary>
/// <param name="error">Receives the line that says that the wish was heard.</param>
/// <param name="time">The clock.</param>
internal sealed class StopRequest(TextWriter error, TimeProvider time) : IDisposable
{
    /// <summary>Signals that follow the first within this time are the same wish.</summary>
    public static readonly TimeSpan OneWish = TimeSpan.FromSeconds(1);

    // .NET has no name for it; a number is taken as the system's own.
    private static readonly PosixSignal s_user1 = (PosixSignal)(OperatingSystem.IsMacOS() ? 30 : 10);

    private static readonly (PosixSignal Signal, bool Suspends)[] s_signals =
    [
        (PosixSignal.SIGINT, false),
        (PosixSignal.SIGTERM, true),
        (PosixSignal.SIGHUP, false),
        (PosixSignal.SIGQUIT, false),
        (s_user1, true),
    ];

    private readonly CancellationTokenSource stop = new();
    private readonly CancellationTokenSource suspend = new();
    private readonly List<PosixSignalRegistration> registrations = [];
    private readonly Lock access = new();
    private long first;

    /// <summary>Set when the command is to stop.</summary>
    public CancellationToken Token => stop.Token;

    /// <summary>Set before <see cref="Token"/> where the command is to be gone on with later.</summary>
    public CancellationToken Suspend => suspend.Token;

    /// <summary>Hears signals from now on.</summary>
    public void Listen()
    {
        foreach (var (signal, suspends) in s_signals)
        {
            if (signal == s_user1 && OperatingSystem.IsWindows())
            {
                continue;
            }
            registrations.Add(PosixSignalRegistration.Create(signal, context => context.Cancel = IsHeeded(suspends)));
        }
    }

    /// <summary>Takes a signal.</summary>
    /// <param name="suspends">Whether it asks the command to make way, and not only to stop.</param>
    /// <returns>Whether the process goes on to its stop; false: it is to end at once.</returns>
    public bool IsHeeded(bool suspends = false)
    {
        lock (access)
        {
            if (stop.IsCancellationRequested)
            {
                return time.GetElapsedTime(first) < OneWish;
            }
            first = time.GetTimestamp();
            if (suspends)
            {
                suspend.Cancel();
            }
            // Before anything is written: a reader that does not read would hold the wish up.
            stop.Cancel();
        }
        error.WriteLine();
        error.WriteLine("flowbp: stopping after what is being computed now (once more: at once)");
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        registrations.ForEach(registration => registration.Dispose());
        stop.Dispose();
        suspend.Dispose();
    }
}
