using System.Runtime.InteropServices;

namespace FlowBP.Distributed;

/// <summary>Memory of the process outside the collector's, and its way through a stream.</summary>
/// <param name="bytes">How much.</param>
internal sealed unsafe class HostMemory(long bytes) : IDisposable
{
    private const int AtOnce = 1 << 20;

    /// <summary>The first byte.</summary>
    public nint Address { get; private set; } = (nint)NativeMemory.Alloc((nuint)Math.Max(1, bytes));

    /// <summary>Writes a range of memory.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="address">The first byte.</param>
    /// <param name="length">How many.</param>
    public static void Write(Stream stream, nint address, long length)
    {
        for (var done = 0L; done < length; done += AtOnce)
        {
            stream.Write(new ReadOnlySpan<byte>((void*)(address + (nint)done), (int)Math.Min(AtOnce, length - done)));
        }
    }

    /// <summary>Reads a range of memory.</summary>
    /// <param name="stream">Where from.</param>
    /// <param name="address">The first byte.</param>
    /// <param name="length">How many.</param>
    /// <exception cref="EndOfStreamException">The stream ends before.</exception>
    public static void Read(Stream stream, nint address, long length)
    {
        for (var done = 0L; done < length; done += AtOnce)
        {
            stream.ReadExactly(new Span<byte>((void*)(address + (nint)done), (int)Math.Min(AtOnce, length - done)));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.Free((void*)Address);
        Address = 0;
    }
}
