// A person presses Ctrl-C, a job's manager sends SIGTERM, a terminal that closes sends SIGHUP: all of them ask the command to stop
// where nothing is half-done, and what has been trained is stored then. Some ask twice in the same moment (a service manager sends
// SIGTERM and SIGHUP, a wrapper passes on what its child got already), which is one wish; a person who asks again after a while
// means it.

using System.Runtime.InteropServices;

namespace FlowBP.Cli;

/// <summary>The wish to stop, from signals.</summary>
/// <param name="error">Receives the line that says that the wish was heard.</param>
/// <param name="time">The clock.</param>
internal sealed class StopRequest(TextWriter error, TimeProvider time) : IDisposable
{
    /// <summary>Signals that follow the first within this time are the same wish.</summary>
    public static readonly TimeSpan OneWish = TimeSpan.FromSeconds(1);

    private static readonly PosixSignal[] s_signals =
    [
        PosixSignal.SIGINT,
        PosixSignal.SIGTERM,
        PosixSignal.SIGHUP,
        PosixSignal.SIGQUIT,
    ];

    private readonly CancellationTokenSource stop = new();
    private readonly List<PosixSignalRegistration> registrations = [];
    private readonly Lock access = new();
    private long first;

    /// <summary>Set when the command is to stop.</summary>
    public CancellationToken Token => stop.Token;

    /// <summary>Hears signals from now on.</summary>
    public void Listen()
    {
        foreach (var signal in s_signals)
        {
            registrations.Add(PosixSignalRegistration.Create(signal, context => context.Cancel = IsHeeded()));
        }
    }

    /// <summary>Takes a signal.</summary>
    /// <returns>Whether the process goes on to its stop; false: it is to end at once.</returns>
    public bool IsHeeded()
    {
        lock (access)
        {
            if (stop.IsCancellationRequested)
            {
                return time.GetElapsedTime(first) < OneWish;
            }
            first = time.GetTimestamp();
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
    }
}
