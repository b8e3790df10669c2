// The emulation behind the driver's interface, so that the host's side of a launch runs with it: splitting, grids, marshalling of
// parameters, scratch. Device memory is host memory with guards around it; what isn't written yet is full of NaN.

using System.Runtime.InteropServices;
using NativeMemory = System.Runtime.InteropServices.NativeMemory;

namespace FlowBP.Kernels.Cuda.Tests;

/// <summary>A CUDA driver whose device is the emulation.</summary>
/// <param name="schedule">The order of threads and blocks: "forward", "reverse", "shuffled N".</param>
/// <param name="poison">What shared memory is full of at first.</param>
/// <param name="record">Receives every launch; null: none.</param>
internal sealed unsafe class EmulatedDriver(string schedule, byte poison = 0xFF, LaunchRecord? record = null)
    : ICudaDriver
{
    private const int GuardBytes = 256;
    private const byte Guard = 0xA5;
    private const byte Unwritten = 0xFF;

    private readonly SortedList<nint, long> _allocations = [];

    /// <summary>Kernels launched so far.</summary>
    public int Launches { get; private set; }

    /// <summary>Allocations made so far.</summary>
    public int Allocations { get; private set; }

    /// <summary>Hears the name of every kernel that is launched, on the stack of the launch.</summary>
    public Action<string>? Launching { get; init; }

    public string Name => $"emulation, {schedule}";

    public int DeviceCount => 1;

    public CudaDevice Device(int ordinal) =>
        new(ordinal, Name, new(8, 0), MultiprocessorCount: 1, 1 << 20, 1L << 32, 1024, 48 * 1024);

    // The kernels are part of the library: modules are asked for, but have nothing to say.
    public nint LoadModule(ReadOnlySpan<byte> image, string name) => 1;

    public void UnloadModule(nint module) { }

    public nint Function(nint module, string name)
    {
        if (EmulationLibrary.ParametersOf(name) is null)
        {
            throw new CudaException($"cuModuleGetFunction of {name}", "CUDA_ERROR_NOT_FOUND", "no such kernel");
        }
        return 1;
    }

    /// <summary>A kernel of the library.</summary>
    public Kernel Kernel(string name) => new(this, module: 0, name);

    public KernelResources Resources(nint function) => new(0, 0, 0, 0, 1024);

    public void Launch(Kernel kernel, Dim3 grid, Dim3 block, nint stream, params ReadOnlySpan<KernelArgument> arguments)
    {
        var name = kernel.Name;
        var sizes = EmulationLibrary.ParametersOf(name)!;
        Assert.That(arguments.Length, Is.EqualTo(sizes.Length), name);
        Assert.That(sizes.Sum(), Is.LessThanOrEqualTo(4096), $"{name}: bytes of parameters");
        // A launch copies the parameters.
        var copies = new byte[sizes.Length][];
        fixed (KernelArgument* pinned = arguments)
        {
            var values = new nint[arguments.Length];
            KernelArgument.Addresses(new(pinned, arguments.Length), values);
            for (var i = 0; i < sizes.Length; i++)
            {
                copies[i] = new Span<byte>((void*)values[i], sizes[i]).ToArray();
            }
        }
        record?.Add(name, grid, block, copies, _allocations);
        Launching?.Invoke(name);
        Launches++;
        var pins = Array.ConvertAll(copies, copy => GCHandle.Alloc(copy, GCHandleType.Pinned));
        try
        {
            var addresses = Array.ConvertAll(pins, pin => pin.AddrOfPinnedObject());
            var message = EmulationLibrary.Launch(name, grid, block, kernel.SharedBytes, addresses, schedule, poison);
            if (message.Length > 0)
            {
                throw new CudaException($"cuLaunchKernel of {name}", "CUDA_ERROR_LAUNCH_FAILED", message);
            }
        }
        finally
        {
            Array.ForEach(pins, pin => pin.Free());
        }
    }

    public nint Allocate(long bytes)
    {
        if (bytes == 0)
        {
            return 0;
        }
        var memory = (byte*)NativeMemory.AlignedAlloc((nuint)(bytes + (2 * GuardBytes)), GuardBytes);
        NativeMemory.Fill(memory, GuardBytes, Guard);
        NativeMemory.Fill(memory + GuardBytes, (nuint)bytes, Unwritten);
        NativeMemory.Fill(memory + GuardBytes + bytes, GuardBytes, Guard);
        _allocations.Add((nint)memory + GuardBytes, bytes);
        Allocations++;
        return (nint)memory + GuardBytes;
    }

    public void Free(nint pointer)
    {
        if (pointer == 0)
        {
            return;
        }
        var bytes = _allocations[pointer];
        var before = new Span<byte>((byte*)pointer - GuardBytes, GuardBytes);
        var after = new Span<byte>((byte*)pointer + bytes, GuardBytes);
        Assert.That(before.IndexOfAnyExcept(Guard), Is.EqualTo(-1), "written in front of a buffer");
        Assert.That(after.IndexOfAnyExcept(Guard), Is.EqualTo(-1), "written behind a buffer");
        _allocations.Remove(pointer);
        NativeMemory.AlignedFree((byte*)pointer - GuardBytes);
    }

    public void CopyToDevice(nint destination, ReadOnlySpan<byte> source, nint stream) =>
        source.CopyTo(Memory(destination, source.Length));

    public void CopyToHost(Span<byte> destination, nint source, nint stream) =>
        Memory(source, destination.Length).CopyTo(destination);

    public void Fill(nint destination, byte value, long bytes, nint stream) =>
        Memory(destination, (int)bytes).Fill(value);

    public void Synchronize(nint stream) { }

    private Span<byte> Memory(nint pointer, int bytes)
    {
        var allocation = _allocations.LastOrDefault(allocation => allocation.Key <= pointer);
        Assert.That(
            bytes == 0 || pointer + bytes <= allocation.Key + allocation.Value,
            $"{bytes} bytes at {pointer:x} are not all allocated"
        );
        return new((void*)pointer, bytes);
    }
}
