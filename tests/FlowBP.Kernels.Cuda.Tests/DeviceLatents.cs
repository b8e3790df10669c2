// A copy of host latents in device memory, as far from a multiple of 256 bytes as asked for.

namespace FlowBP.Kernels.Cuda.Tests;

internal sealed unsafe class DeviceLatents : IDisposable
{
    private readonly ICudaDriver _driver;
    private readonly nint _allocation;
    private readonly nint _memory;

    /// <param name="driver">Whose memory.</param>
    /// <param name="host">What is copied.</param>
    /// <param name="misalignment">Elements in front of the first.</param>
    public DeviceLatents(ICudaDriver driver, TestLatents host, int misalignment = 0)
    {
        _driver = driver;
        var offset = misalignment * host.Buffer.ElementSize;
        _allocation = driver.Allocate(host.Bytes + offset);
        _memory = _allocation + offset;
        Buffer = new((void*)_memory, host.Buffer.Type, host.Buffer.Steps, host.Buffer.Batch, host.Buffer.Elements);
        driver.CopyToDevice(_memory, new ReadOnlySpan<byte>(host.Buffer.Pointer, (int)host.Bytes), stream: 0);
    }

    public LatentBuffer Buffer { get; }

    public void* Pointer => (void*)_memory;

    /// <summary>The bits of all elements, as <see cref="TestLatents.Bits"/>.</summary>
    public ulong[] Bits()
    {
        using var host = Read();
        return host.Bits();
    }

    /// <summary>A copy on the host.</summary>
    public TestLatents Read()
    {
        var host = new TestLatents(Buffer.Type, Buffer.Steps, Buffer.Batch, Buffer.Elements);
        _driver.CopyToHost(new Span<byte>(host.Buffer.Pointer, (int)host.Bytes), _memory, stream: 0);
        return host;
    }

    public void Dispose() => _driver.Free(_allocation);
}
