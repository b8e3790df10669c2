// The plain build of the emulation, loaded into this process.

using System.Runtime.InteropServices;
using System.Text;

namespace FlowBP.Kernels.Cuda.Tests;

internal static unsafe class EmulationLibrary
{
    private const int MessageBytes = 1024;

    // The emulated machine runs one launch at a time.
    private static readonly Lock Machine = new();
    private static readonly Lazy<nint> Handle = new(() => NativeLibrary.Load(EmulationBuild.Require(Sanitizer.None)));

    /// <summary>Sizes of a kernel's parameters; null if there is no such kernel.</summary>
    public static int[]? ParametersOf(string kernel)
    {
        var function = (delegate* unmanaged<byte*, int*, int, int>)Export("emulation_parameters");
        var sizes = new int[16];
        fixed (int* first = sizes)
        fixed (byte* name = Utf8(kernel))
        {
            var count = function(name, first, sizes.Length);
            return count < 0 ? null : sizes[..count];
        }
    }

    /// <summary>Lines "Struct size" and "Struct.field offset".</summary>
    public static string Layout
    {
        get
        {
            var function = (delegate* unmanaged<byte*>)Export("emulation_layout");
            return Marshal.PtrToStringUTF8((nint)function())!;
        }
    }

    /// <summary>Runs a kernel to its end.</summary>
    /// <returns>What went wrong; empty if nothing did.</returns>
    public static string Launch(
        string kernel,
        Dim3 grid,
        Dim3 block,
        int sharedBytes,
        ReadOnlySpan<nint> arguments,
        string schedule,
        byte poison
    )
    {
        var function = (delegate* unmanaged<byte*, uint*, uint*, int, nint*, byte*, int, byte*, int, int>)Export(
            "emulation_launch"
        );
        var gridSize = stackalloc uint[] { (uint)grid.X, (uint)grid.Y, (uint)grid.Z };
        var blockSize = stackalloc uint[] { (uint)block.X, (uint)block.Y, (uint)block.Z };
        var message = stackalloc byte[MessageBytes];
        lock (Machine)
        {
            fixed (byte* name = Utf8(kernel))
            fixed (byte* order = Utf8(schedule))
            fixed (nint* first = arguments)
            {
                function(name, gridSize, blockSize, sharedBytes, first, order, poison, message, MessageBytes);
            }
        }
        return Marshal.PtrToStringUTF8((nint)message)!;
    }

    private static nint Export(string name) => NativeLibrary.GetExport(Handle.Value, name);

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text + '\0');
}
