// An interpreter with arrays instead of pointers.

using System.Runtime.InteropServices;
using System.Text;

namespace FlowBP.Cuda.Interpreter.Tests;

internal sealed class TestDevice : IDisposable
{
    public PtxInterpreter Driver { get; } = new();

    /// <summary>Memory that nothing has written.</summary>
    public nint New<T>(int count)
        where T : unmanaged => Driver.Allocate((long)count * Marshal.SizeOf<T>());

    public nint Upload<T>(params ReadOnlySpan<T> values)
        where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(values);
        var pointer = Driver.Allocate(bytes.Length);
        Driver.CopyToDevice(pointer, bytes, 0);
        return pointer;
    }

    public T[] Download<T>(nint pointer, int count)
        where T : unmanaged
    {
        var values = new T[count];
        Driver.CopyToHost(MemoryMarshal.AsBytes(values.AsSpan()), pointer, 0);
        return values;
    }

    public nint Load(string ptx, string kernel = "kernel") =>
        Driver.Function(Driver.LoadModule(Encoding.UTF8.GetBytes(ptx), "test.ptx"), kernel);

    /// <summary>Loads and launches. Arguments are taken as the low bytes of 64-bit values.</summary>
    public void Run(string ptx, Dim3 grid, Dim3 block, params ReadOnlySpan<long> arguments) =>
        Launch(Load(ptx), grid, block, 0, 0, arguments);

    public unsafe void Launch(
        nint function,
        Dim3 grid,
        Dim3 block,
        int sharedBytes,
        nint stream,
        params ReadOnlySpan<long> arguments
    )
    {
        fixed (long* values = arguments)
        {
            var addresses = new nint[arguments.Length];
            for (var i = 0; i < addresses.Length; i++)
            {
                addresses[i] = (nint)(values + i);
            }
            Driver.Launch(function, grid, block, sharedBytes, stream, addresses);
        }
    }

    public void Dispose() => Driver.Dispose();
}
