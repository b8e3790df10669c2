// How processes meet. Rank 0 listens; each other rank connects, once for each channel, proves that it knows the job's secret, and says who
// it is. Nobody goes on before all are there and agree: then each is told so, or what is wrong. A process that does not know the secret is
// shown the door and changes nothing.

using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace FlowBP.Distributed;

/// <summary>Meets the other processes of a job over TCP.</summary>
/// <param name="place">Which process this is.</param>
/// <param name="settings">Settings that all ranks must share, by name, as they would be typed.</param>
/// <param name="version">Version of the program, which all ranks must share.</param>
/// <param name="deadline">How long to wait for the others.</param>
/// <param name="notice">Hears of strangers; may be called from another thread.</param>
internal sealed class TcpRendezvous(
    RankPlace place,
    IReadOnlyDictionary<string, string> settings,
    string version,
    TimeSpan deadline,
    Action<string> notice
)
{
    private const int ChallengeBytes = 32;
    private const int NamedDifferences = 5;

    // Of one message, so that a stranger who says nothing holds up nobody for long.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_linger = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);
    private static readonly byte[] s_greeting = "FlowBP rendezvous 1"u8.ToArray();

    private readonly DateTime end = DateTime.UtcNow + deadline;

    private TimeSpan Left => end - DateTime.UtcNow is { Ticks: > 0 } left ? left : TimeSpan.Zero;

    /// <summary>Meets them.</summary>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="RendezvousException">The ranks are not one group, some did not come, or the port is taken.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public RankConnections Meet(CancellationToken cancellation = default) =>
        place.Rank == 0 ? Receive(cancellation) : Call(cancellation);

    private RankConnections Receive(CancellationToken cancellation)
    {
        using var listener = Listener();
        var connections = new RankConnections(0, place.Size);
        try
        {
            string? problem = null;
            List<(Socket Socket, byte[] Nonce)> answers = [];
            while (connections.Missing is { Count: > 0 } missing && problem is null)
            {
                cancellation.ThrowIfCancellationRequested();
                if (!listener.Poll(s_pause, SelectMode.SelectRead))
                {
                    if (Left == TimeSpan.Zero)
                    {
                        problem =
                            $"of {place.Size} ranks {Ranks(missing)} did not come within {deadline.TotalSeconds:0.#} s: look at what they"
                            + $" say, and whether they reach {place.MasterAddress}:{place.MasterPort}";
                    }
                    continue;
                }
                problem = Admit(listener.Accept(), connections, answers);
            }
            if (problem is not null)
            {
                // Others are on their way, and would look for rank 0 until their deadlines.
                var last = DateTime.UtcNow + s_linger;
                while (connections.Missing.Count > 0 && DateTime.UtcNow < last)
                {
                    if (listener.Poll(s_pause, SelectMode.SelectRead))
                    {
                        _ = Admit(listener.Accept(), connections, answers);
                    }
                }
            }
            foreach (var (socket, nonce) in answers)
            {
                Answer(socket, nonce, problem);
            }
            return problem is null ? connections : throw new RendezvousException(problem, isSameEverywhere: true);
        }
        catch
        {
            connections.Dispose();
            throw;
        }
    }

    private Socket Listener()
    {
        var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // On all addresses: the master's name may be another one of its own than the others use.
            listener.Bind(new IPEndPoint(IPAddress.IPv6Any, place.MasterPort));
            listener.Listen(place.Size * 2);
            return listener;
        }
        catch (SocketException e)
        {
            listener.Dispose();
            throw new RendezvousException(
                $"rank 0 can't listen on port {place.MasterPort}: {e.Message}; choose another with {RankEnvironment.Port}",
                isSameEverywhere: false,
                e
            );
        }
    }

    // What is wrong with the group, in words; null: nothing yet. A stranger is none of the group.
    private string? Admit(Socket socket, RankConnections connections, List<(Socket, byte[])> answers)
    {
        var stranger = $"{socket.RemoteEndPoint}";
        RankHello? hello = null;
        byte[] nonce;
        try
        {
            (hello, nonce) = Hello(socket);
        }
        catch (Exception e)
            when (e is IOException or SocketException or InvalidDataException or JsonException or ArgumentException)
        {
            socket.Dispose();
            notice($"{stranger} is none of this job and was not let in: {e.Message}");
            return null;
        }
        answers.Add((socket, nonce));
        if (hello.Size != place.Size)
        {
            return $"rank {hello.Rank} on {hello.Host} is one of {hello.Size} ranks, and rank 0 one of {place.Size}: start them together";
        }
        if (hello.Rank < 1 || hello.Rank >= place.Size)
        {
            return $"{hello.Host} has rank {hello.Rank}, and ranks are numbered from 0 to {place.Size - 1}";
        }
        if (connections.Has(hello.Rank, hello.Channel))
        {
            return $"rank {hello.Rank} came twice, the second time from {hello.Host} (process {hello.Process})";
        }
        connections[hello.Rank, hello.Channel] = socket;
        return hello.Version != version
                ? $"rank {hello.Rank} on {hello.Host} runs version {hello.Version}, and rank 0 version {version}"
            : Difference(hello.Settings) is { } difference
                ? $"rank {hello.Rank} on {hello.Host} has other settings than rank 0: {difference}"
            : null;
    }

    private (RankHello Hello, byte[] Nonce) Hello(Socket socket)
    {
        socket.NoDelay = true;
        using var stream = Timed(socket);
        var challenge = RandomNumberGenerator.GetBytes(ChallengeBytes);
        RankMessages.Write(stream, [.. s_greeting, .. challenge]);
        var message = RankMessages.Read(stream);
        var proof = RankMessages.Read(stream, HMACSHA256.HashSizeInBytes);
        if (!CryptographicOperations.FixedTimeEquals(proof, RankMessages.Proof(place.Secret, challenge, message)))
        {
            throw new InvalidDataException($"it does not know the job's secret ({RankEnvironment.Secret})");
        }
        return (
            JsonSerializer.Deserialize<RankHello>(message.AsSpan(ChallengeBytes))
                ?? throw new InvalidDataException("it says nothing of itself"),
            message[..ChallengeBytes]
        );
    }

    private string? Difference(IReadOnlyDictionary<string, string>? theirs)
    {
        theirs ??= new Dictionary<string, string>();
        string[] differences =
        [
            .. settings
                .Keys.Union(theirs.Keys)
                .Order(StringComparer.Ordinal)
                .Where(name => settings.GetValueOrDefault(name) != theirs.GetValueOrDefault(name))
                .Select(name =>
                    $"{name} is {theirs.GetValueOrDefault(name) ?? "not there"} and {settings.GetValueOrDefault(name) ?? "not there"}"
                ),
        ];
        return differences.Length == 0
            ? null
            : string.Join("; ", differences.Take(NamedDifferences))
                + (differences.Length > NamedDifferences ? $"; and {differences.Length - NamedDifferences} more" : "");
    }

    private void Answer(Socket socket, byte[] nonce, string? problem)
    {
        try
        {
            using var stream = Timed(socket);
            var text = Encoding.UTF8.GetBytes(problem ?? "");
            RankMessages.Write(stream, text.AsSpan(0, Math.Min(text.Length, RankMessages.Longest)));
            RankMessages.Write(stream, RankMessages.Proof(place.Secret, nonce, text));
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            // Whoever is gone again is missed at the first sign of life.
            notice($"a rank that had come is gone again: {e.Message}");
        }
    }

    private RankConnections Call(CancellationToken cancellation)
    {
        var connections = new RankConnections(place.Rank, place.Size);
        try
        {
            List<byte[]> nonces = [];
            foreach (var channel in Enum.GetValues<RankChannel>())
            {
                connections[0, channel] = Connected(cancellation);
                nonces.Add(Introduce(connections[0, channel], channel));
            }
            foreach (var (i, channel) in Enum.GetValues<RankChannel>().Index())
            {
                Hear(connections[0, channel], nonces[i], cancellation);
            }
            return connections;
        }
        catch (Exception e)
            when (e is SocketException or IOException and not RendezvousException or InvalidDataException)
        {
            connections.Dispose();
            throw new RendezvousException(
                $"rank {place.Rank} was not let in by rank 0 at {place.MasterAddress}:{place.MasterPort}: {e.Message}",
                isSameEverywhere: false,
                e
            );
        }
        catch
        {
            connections.Dispose();
            throw;
        }
    }

    private Socket Connected(CancellationToken cancellation)
    {
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                socket.Connect(place.MasterAddress, place.MasterPort);
                return socket;
            }
            catch (SocketException e)
            {
                socket.Dispose();
                if (Left == TimeSpan.Zero)
                {
                    throw new RendezvousException(
                        $"rank {place.Rank} found no rank 0 at {place.MasterAddress}:{place.MasterPort} within"
                            + $" {deadline.TotalSeconds:0.#} s: {e.Message}",
                        isSameEverywhere: false,
                        e
                    );
                }
                cancellation.WaitHandle.WaitOne(s_pause);
            }
        }
    }

    private byte[] Introduce(Socket socket, RankChannel channel)
    {
        using var stream = Timed(socket);
        var greeting = RankMessages.Read(stream);
        if (!greeting.AsSpan().StartsWith(s_greeting) || greeting.Length != s_greeting.Length + ChallengeBytes)
        {
            throw new InvalidDataException("what listens there is no rank 0 of this program");
        }
        var nonce = RandomNumberGenerator.GetBytes(ChallengeBytes);
        byte[] message =
        [
            .. nonce,
            .. JsonSerializer.SerializeToUtf8Bytes(
                new RankHello(
                    place.Rank,
                    place.Size,
                    channel,
                    version,
                    settings,
                    Environment.MachineName,
                    Environment.ProcessId
                )
            ),
        ];
        RankMessages.Write(stream, message);
        RankMessages.Write(stream, RankMessages.Proof(place.Secret, greeting.AsSpan(s_greeting.Length), message));
        return nonce;
    }

    private void Hear(Socket socket, byte[] nonce, CancellationToken cancellation)
    {
        // Rank 0 answers when all are there, or at its deadline, which began at another moment than this one's.
        var last = end + s_patience;
        while (!socket.Poll(s_pause, SelectMode.SelectRead))
        {
            cancellation.ThrowIfCancellationRequested();
            if (DateTime.UtcNow > last)
            {
                throw new RendezvousException(
                    $"rank {place.Rank} waited for rank 0's answer for {deadline.TotalSeconds:0.#} s"
                );
            }
        }
        using var stream = Timed(socket);
        var text = RankMessages.Read(stream);
        var proof = RankMessages.Read(stream, HMACSHA256.HashSizeInBytes);
        if (!CryptographicOperations.FixedTimeEquals(proof, RankMessages.Proof(place.Secret, nonce, text)))
        {
            throw new InvalidDataException("what listens there does not know the job's secret");
        }
        if (text.Length > 0)
        {
            throw new RendezvousException(Encoding.UTF8.GetString(text), isSameEverywhere: true);
        }
    }

    private static NetworkStream Timed(Socket socket) =>
        new(socket, ownsSocket: false)
        {
            ReadTimeout = (int)s_patience.TotalMilliseconds,
            WriteTimeout = (int)s_patience.TotalMilliseconds,
        };

    private static string Ranks(IReadOnlyList<int> ranks) => RankNames.Of(ranks);
}

/// <summary>Ranks in words.</summary>
internal static class RankNames
{
    private const int Named = 8;

    /// <summary><c>rank 3</c>, <c>ranks 1 and 3</c>.</summary>
    /// <param name="ranks">Ascending.</param>
    public static string Of(IReadOnlyList<int> ranks) =>
        ranks.Count switch
        {
            0 => "some rank",
            1 => $"rank {ranks[0]}",
            <= Named => $"ranks {string.Join(", ", ranks.Take(ranks.Count - 1))} and {ranks[^1]}",
            _ => $"ranks {string.Join(", ", ranks.Take(Named))} and {ranks.Count - Named} more",
        };
}
