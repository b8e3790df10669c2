// `--gpus N` on one machine, without anybody else to start processes: this one starts N of itself, each with the environment that torchrun
// would give it, hands signals on, and ends when they have.

using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace FlowBP.Distributed;

/// <summary>Starts the ranks of one machine.</summary>
public static partial class RankLauncher
{
    private const int Interrupt = 2;
    private const int Terminate = 15;

    // After one rank has failed the others know within this time, and end.
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(5);

    // It stores what was trained, which takes its time; one that is stopped would keep everybody for ever.
    private static readonly TimeSpan s_storing = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(50);

    /// <summary>Runs this program again, once for each rank, and waits until all have ended.</summary>
    /// <param name="count">Number of ranks.</param>
    /// <param name="error">Receives what ranks other than 0 say, each line with its rank in front.</param>
    /// <param name="stop">Set: the ranks are to stop (SIGINT).</param>
    /// <param name="suspend">Set before <paramref name="stop"/>: they are to make way (SIGTERM).</param>
    /// <returns>The exit code of the first rank that failed; 0: none did.</returns>
    public static int Run(int count, TextWriter error, CancellationToken stop, CancellationToken suspend)
    {
        var port = FreePort();
        var secret = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
        List<Process> ranks = [];
        try
        {
            for (var rank = 0; rank < count; rank++)
            {
                ranks.Add(Start(rank, count, port, secret, error));
            }
            return Wait(ranks, stop, suspend);
        }
        finally
        {
            foreach (var process in ranks)
            {
                if (!process.HasExited)
                {
                    process.Kill(entireProcessTree: true);
                }
                process.Dispose();
            }
        }
    }

    private static int Wait(List<Process> ranks, CancellationToken stop, CancellationToken suspend)
    {
        var told = false;
        int? failure = null;
        DateTime? end = null;
        while (ranks.Exists(process => !process.HasExited))
        {
            if (stop.IsCancellationRequested && !told)
            {
                told = true;
                foreach (var process in ranks.Where(process => !process.HasExited))
                {
                    _ = kill(process.Id, suspend.IsCancellationRequested ? Terminate : Interrupt);
                }
            }
            if (failure is null && ranks.Find(process => process.HasExited && process.ExitCode != 0) is { } failed)
            {
                (failure, end) = (failed.ExitCode, DateTime.UtcNow + s_grace);
            }
            foreach (var (rank, process) in ranks.Index())
            {
                // Rank 0 may be storing what was trained; the others have nothing to store.
                if (DateTime.UtcNow > (rank == 0 ? end + s_storing : end) && !process.HasExited)
                {
                    process.Kill(entireProcessTree: true);
                }
            }
            Thread.Sleep(s_pause);
        }
        // Output that is still on its way.
        ranks.ForEach(process => process.WaitForExit());
        return failure ?? ranks.Select(process => process.ExitCode).FirstOrDefault(code => code != 0);
    }

    private static Process Start(int rank, int count, int port, string secret, TextWriter error)
    {
        var program = Environment.ProcessPath ?? throw new InvalidOperationException("the program's file is not known");
        var start = new ProcessStartInfo(program) { UseShellExecute = false };
        var own = Environment.GetCommandLineArgs();
        // Run as `dotnet program.dll`, the runtime is the program and the library its first argument.
        var isHosted = Path.GetFileNameWithoutExtension(program).Equals("dotnet", StringComparison.OrdinalIgnoreCase);
        foreach (var argument in isHosted ? own : own.Skip(1))
        {
            start.ArgumentList.Add(argument);
        }
        var environment = start.Environment;
        environment["RANK"] = Text(rank);
        environment["LOCAL_RANK"] = Text(rank);
        environment["WORLD_SIZE"] = Text(count);
        environment["MASTER_ADDR"] = "127.0.0.1";
        environment["MASTER_PORT"] = Text(port);
        environment[RankEnvironment.Secret] = secret;
        environment.Remove(RankEnvironment.Port);
        environment.Remove("TORCHELASTIC_USE_AGENT_STORE");
        // Each has its part of the processors; .NET reads the number as hexadecimal.
        var processors = Math.Max(1, Environment.ProcessorCount / count);
        environment["DOTNET_PROCESSOR_COUNT"] = processors.ToString("X", CultureInfo.InvariantCulture);
        if (!environment.ContainsKey("OMP_NUM_THREADS"))
        {
            environment["OMP_NUM_THREADS"] = Text(processors);
        }
        if (rank == 0)
        {
            return Process.Start(start)!;
        }
        start.RedirectStandardError = true;
        start.RedirectStandardOutput = true;
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, line) =>
        {
            if (!string.IsNullOrWhiteSpace(line.Data))
            {
                error.WriteLine($"[rank {rank}] {line.Data}");
            }
        };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private static int FreePort()
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);
}
