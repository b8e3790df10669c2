namespace FlowBP.Cuda.Tests;

/// <summary>A driver that only notes what it was asked, and reads the arguments of launches as a kernel would.</summary>
internal sealed unsafe class RecordingDriver(ComputeCapability architecture) : ICudaDriver
{
    private nint lastHandle = 100;

    public List<string> Loaded { get; } = [];

    public List<byte[]> Images { get; } = [];

    public List<nint> Unloaded { get; } = [];

    /// <summary>The first 8 bytes at the address of each argument of the last launch.</summary>
    public ulong[] Arguments { get; private set; } = [];

    public string Name => "recording driver";

    public int DeviceCount => 1;

    public CudaDevice Device(int ordinal) => new(ordinal, "none", architecture, 1, 0, 0, 1024, 0);

    public nint LoadModule(ReadOnlySpan<byte> image, string name)
    {
        Loaded.Add(name);
        Images.Add(image.ToArray());
        return ++lastHandle;
    }

    public void UnloadModule(nint module) => Unloaded.Add(module);

    public nint Function(nint module, string name) => ++lastHandle;

    public KernelResources Resources(nint function) => new(1, 2, 3, 4, 5);

    public void Launch(Kernel kernel, Dim3 grid, Dim3 block, nint stream, params ReadOnlySpan<KernelArgument> arguments)
    {
        fixed (KernelArgument* pinned = arguments)
        {
            var addresses = new nint[arguments.Length];
            KernelArgument.Addresses(new(pinned, arguments.Length), addresses);
            Arguments = Array.ConvertAll(addresses, address => *(ulong*)address);
        }
    }

    public nint Allocate(long bytes) => throw new NotSupportedException();

    public void Free(nint pointer) => throw new NotSupportedException();

    public void CopyToDevice(nint destination, ReadOnlySpan<byte> source, nint stream) =>
        throw new NotSupportedException();

    public void CopyToHost(Span<byte> destination, nint source, nint stream) => throw new NotSupportedException();

    public void Fill(nint destination, byte value, long bytes, nint stream) => throw new NotSupportedException();

    public void Synchronize(nint stream) { }
}
