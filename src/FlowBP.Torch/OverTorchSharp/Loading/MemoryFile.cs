// A library that exists only in this process: no cache that could be stale, unwritable, or written by somebody else.

using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace FlowBP.Torch;

/// <summary>Shared libraries loaded from memory.</summary>
internal static partial class MemoryFile
{
    private const uint CloseOnExec = 1;

    /// <summary>Loads a library from its bytes; what it needs of other libraries must be loaded.</summary>
    /// <param name="name">How it is called in lists of loaded libraries.</param>
    /// <param name="content">The file.</param>
    /// <returns>The library's handle.</returns>
    /// <exception cref="IOException">The system gives no file in memory.</exception>
    /// <exception cref="DllNotFoundException">The loader refuses it.</exception>
    public static nint Load(string name, ReadOnlySpan<byte> content)
    {
        var descriptor = memfd_create(name, CloseOnExec);
        if (descriptor < 0)
        {
            throw new IOException($"no file in memory: {Marshal.GetLastPInvokeErrorMessage()}");
        }
        using var file = new SafeFileHandle(descriptor, ownsHandle: true);
        RandomAccess.Write(file, content, 0);
        return NativeLibrary.Load($"/proc/self/fd/{descriptor}");
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int memfd_create(string name, uint flags);
}
