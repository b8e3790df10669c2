// Messages between processes: four bytes of length, and so many bytes. What comes from outside is bounded before it is read.

using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace FlowBP.Distributed;

/// <summary>Reads and writes messages on a stream.</summary>
internal static class RankMessages
{
    /// <summary>The longest message of a rendezvous, in bytes.</summary>
    public const int Longest = 64 << 10;

    /// <summary>Writes a message.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="message">What.</param>
    public static void Write(Stream stream, ReadOnlySpan<byte> message)
    {
        // One write: the other side sees all of it or waits for it.
        var framed = new byte[sizeof(int) + message.Length];
        BinaryPrimitives.WriteInt32LittleEndian(framed, message.Length);
        message.CopyTo(framed.AsSpan(sizeof(int)));
        stream.Write(framed);
    }

    /// <summary>Reads a message.</summary>
    /// <param name="stream">Where from.</param>
    /// <param name="longest">The longest that is taken, in bytes.</param>
    /// <exception cref="InvalidDataException">It is longer, or its length is negative.</exception>
    /// <exception cref="EndOfStreamException">The other side has closed the connection.</exception>
    public static byte[] Read(Stream stream, int longest = Longest)
    {
        Span<byte> header = stackalloc byte[sizeof(int)];
        stream.ReadExactly(header);
        var length = BinaryPrimitives.ReadInt32LittleEndian(header);
        if (length < 0 || length > longest)
        {
            throw new InvalidDataException($"a message of {length} bytes, expected at most {longest}");
        }
        var message = new byte[length];
        stream.ReadExactly(message);
        return message;
    }

    /// <summary>Proof of knowing the secret, for one challenge and one message.</summary>
    /// <param name="secret">The job's secret.</param>
    /// <param name="challenge">What the other side drew.</param>
    /// <param name="message">What is vouched for.</param>
    public static byte[] Proof(string secret, ReadOnlySpan<byte> challenge, ReadOnlySpan<byte> message) =>
        HMACSHA256.HashData(
            SHA256.HashData(Encoding.UTF8.GetBytes($"FlowBP job {secret}")),
            (byte[])[.. challenge, .. message]
        );
}
