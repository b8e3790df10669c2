// The binary interface of NCCL (nccl.h), of which a few numbers and two structures are needed. NCCL keeps it stable: a structure begins with
// its size and version, and newer libraries read older ones.

using System.Runtime.InteropServices;

namespace FlowBP.Distributed;

/// <summary>What an NCCL function returns.</summary>
internal enum NcclResult
{
    Success = 0,
    UnhandledCudaError = 1,
    SystemError = 2,
    InternalError = 3,
    InvalidArgument = 4,
    InvalidUsage = 5,
    RemoteError = 6,

    /// <summary>Begun, and not yet at its end: no error.</summary>
    InProgress = 7,
}

/// <summary>The name of a group that is to be made; rank 0 draws it and gives it to the others.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NcclUniqueId
{
    /// <summary>Its length.</summary>
    public const int Length = 128;

    public fixed byte Bytes[Length];

    /// <summary>As bytes that travel.</summary>
    public readonly byte[] ToArray()
    {
        fixed (byte* first = Bytes)
        {
            return new ReadOnlySpan<byte>(first, Length).ToArray();
        }
    }

    /// <summary>From bytes that travelled.</summary>
    /// <param name="bytes">128 bytes.</param>
    /// <exception cref="ArgumentException">They are not as many.</exception>
    public static NcclUniqueId Of(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Length)
        {
            throw new ArgumentException($"an NCCL id has {Length} bytes, found {bytes.Length}", nameof(bytes));
        }
        var id = default(NcclUniqueId);
        bytes.CopyTo(new Span<byte>(id.Bytes, Length));
        return id;
    }
}

/// <summary>
/// Settings of a communicator, as NCCL 2.18 has them. Newer releases have further fields behind these; they take the older form if it says
/// that it is one, so the version is 2.18's whatever library is loaded.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NcclConfig
{
    private const uint Magic = 0xcafebeef;
    private const uint Version = 21800;
    private const int Undefined = int.MinValue;

    public nuint Size;
    public uint MagicNumber;
    public uint VersionNumber;
    public int Blocking;
    public int CgaClusterSize;
    public int MinCtas;
    public int MaxCtas;
    public nint NetName;
    public int SplitShare;

    /// <summary>Nothing is set but that calls do not block.</summary>
    public static unsafe NcclConfig NonBlocking() =>
        new()
        {
            Size = (nuint)sizeof(NcclConfig),
            MagicNumber = Magic,
            VersionNumber = Version,
            Blocking = 0,
            CgaClusterSize = Undefined,
            MinCtas = Undefined,
            MaxCtas = Undefined,
            NetName = 0,
            SplitShare = Undefined,
        };
}

/// <summary>NCCL's numbers of types and reductions.</summary>
internal static class NcclNumbers
{
    /// <summary>ncclDataType_t.</summary>
    public static int Of(ElementType type) =>
        type switch
        {
            ElementType.UInt8 => 1,
            ElementType.Int64 => 4,
            ElementType.Float16 => 6,
            ElementType.Float32 => 7,
            ElementType.Float64 => 8,
            ElementType.BFloat16 => 9,
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "NCCL has no such type"),
        };

    /// <summary>ncclRedOp_t.</summary>
    public static int Of(Reduction reduction) =>
        reduction switch
        {
            Reduction.Sum => 0,
            Reduction.Max => 2,
            Reduction.Min => 3,
            _ => throw new ArgumentOutOfRangeException(nameof(reduction), reduction, "NCCL has no such reduction"),
        };
}
