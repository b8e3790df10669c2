using System.Buffers.Binary;

namespace FlowBP.Distributed;

/// <summary>The collectives that travel over TCP.</summary>
internal enum CollectiveKind : byte
{
    /// <summary>Every rank gets the reduction.</summary>
    AllReduce,

    /// <summary>Every rank gets its part of the reduction.</summary>
    ReduceScatter,

    /// <summary>Every rank gets all parts.</summary>
    AllGather,

    /// <summary>Every rank gets the root's elements.</summary>
    Broadcast,
}

/// <summary>What a rank asks for, without its data. Every rank must ask for the same.</summary>
/// <param name="Sequence">How many operations came before.</param>
/// <param name="Kind">The operation.</param>
/// <param name="Type">Type of the elements.</param>
/// <param name="Reduction">How values become one, where they do.</param>
/// <param name="Root">Whose elements are copied, where they are.</param>
/// <param name="Count">Elements that a rank sends (all-reduce, all-gather, broadcast) or gets (reduce-scatter).</param>
internal readonly record struct CollectiveCall(
    long Sequence,
    CollectiveKind Kind,
    ElementType Type,
    Reduction Reduction,
    int Root,
    long Count
)
{
    /// <summary>Bytes of a call in a message.</summary>
    public const int Bytes = 24;

    /// <summary>The elements of a rank in bytes.</summary>
    public long Length => checked(Count * Type.Bytes());

    /// <summary>Writes it.</summary>
    /// <param name="message"><see cref="Bytes"/> bytes.</param>
    public void Write(Span<byte> message)
    {
        BinaryPrimitives.WriteInt64LittleEndian(message, Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(message[8..], Count);
        BinaryPrimitives.WriteInt32LittleEndian(message[16..], Root);
        message[20] = (byte)Kind;
        message[21] = (byte)Type;
        message[22] = (byte)Reduction;
        message[23] = 0;
    }

    /// <summary>Reads one.</summary>
    /// <param name="message"><see cref="Bytes"/> bytes.</param>
    public static CollectiveCall Read(ReadOnlySpan<byte> message) =>
        new(
            BinaryPrimitives.ReadInt64LittleEndian(message),
            (CollectiveKind)message[20],
            (ElementType)message[21],
            (Reduction)message[22],
            BinaryPrimitives.ReadInt32LittleEndian(message[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(message[8..])
        );

    /// <inheritdoc/>
    public override string ToString() =>
        Kind switch
        {
            CollectiveKind.AllReduce => $"an all-reduce ({Reduction}) of {Count} {Type}",
            CollectiveKind.ReduceScatter => $"a reduce-scatter ({Reduction}) of parts of {Count} {Type}",
            CollectiveKind.AllGather => $"an all-gather of parts of {Count} {Type}",
            _ => $"a broadcast of {Count} {Type} from rank {Root}",
        };
}
