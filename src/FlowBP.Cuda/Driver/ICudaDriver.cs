// The few driver calls that launching kernels takes. There are two implementations: CudaDriver over the machine's driver,
// and an interpreter of PTX among the tests, so that everything on the host's side of a launch (marshalling of arguments,
// grids, order on a stream) runs on machines without a GPU too.

namespace FlowBP.Cuda;

/// <summary>
/// A CUDA driver, or something that behaves like one, for one device. Handles are the driver's own, as integers of the
/// machine's width: CUmodule, CUfunction, CUstream, CUdeviceptr. They may come from and go to any other CUDA code of the
/// process that uses the device's primary context. Stream 0 is the default stream.
/// </summary>
public interface ICudaDriver
{
    /// <summary>What this is, for messages and records: "NVIDIA driver 13.0".</summary>
    string Name { get; }

    /// <summary>Number of devices that the driver shows to this process.</summary>
    int DeviceCount { get; }

    /// <summary>A device's properties.</summary>
    /// <param name="ordinal">Its number, in [0, <see cref="DeviceCount"/>).</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no device of that number.</exception>
    CudaDevice Device(int ordinal);

    /// <summary>Loads compiled code.</summary>
    /// <param name="image">A cubin, or PTX text; the callee adds the terminating zero that the driver wants.</param>
    /// <param name="name">What the code is called in messages.</param>
    /// <returns>CUmodule.</returns>
    /// <exception cref="CudaException">The driver refuses it; carries the log of its compiler.</exception>
    nint LoadModule(ReadOnlySpan<byte> image, string name);

    /// <summary>Unloads a module; its functions must not be used any more.</summary>
    /// <param name="module">CUmodule.</param>
    void UnloadModule(nint module);

    /// <summary>Finds a kernel in a module.</summary>
    /// <param name="module">CUmodule.</param>
    /// <param name="name">The kernel's name, as it stands in the compiled code.</param>
    /// <returns>CUfunction.</returns>
    /// <exception cref="CudaException">There is none of that name.</exception>
    nint Function(nint module, string name);

    /// <summary>What a kernel needs of a multiprocessor.</summary>
    /// <param name="function">CUfunction.</param>
    KernelResources Resources(nint function);

    /// <summary>Queues a kernel. The values of the arguments are copied before this returns.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="grid">Number of blocks; none of the three may be 0.</param>
    /// <param name="block">Threads of a block.</param>
    /// <param name="stream">CUstream; libtorch's current one for libtorch's tensors.</param>
    /// <param name="arguments">The arguments, in the order and with the types of the kernel's parameters; at most 64.</param>
    /// <exception cref="CudaException">
    /// The launch is impossible, or something queued before it failed: CUDA reports that at the next call.
    /// </exception>
    void Launch(Kernel kernel, Dim3 grid, Dim3 block, nint stream, params ReadOnlySpan<KernelArgument> arguments);

    /// <summary>Device memory of the driver's own, not of libtorch's allocator. Not initialised.</summary>
    /// <param name="bytes">How much; 0 gives pointer 0.</param>
    /// <returns>CUdeviceptr.</returns>
    /// <exception cref="CudaException">There isn't as much; names what was asked for.</exception>
    nint Allocate(long bytes);

    /// <summary>Gives memory of <see cref="Allocate"/> back. Pointer 0 is left alone.</summary>
    /// <param name="pointer">CUdeviceptr.</param>
    void Free(nint pointer);

    /// <summary>Copies to the device; returns when <paramref name="source"/> may be reused.</summary>
    /// <param name="destination">CUdeviceptr.</param>
    /// <param name="source">The bytes.</param>
    /// <param name="stream">CUstream.</param>
    void CopyToDevice(nint destination, ReadOnlySpan<byte> source, nint stream);

    /// <summary>Waits for what is queued on the stream, and copies from the device; returns when the bytes are there.</summary>
    /// <param name="destination">Receives the bytes.</param>
    /// <param name="source">CUdeviceptr.</param>
    /// <param name="stream">CUstream.</param>
    void CopyToHost(Span<byte> destination, nint source, nint stream);

    /// <summary>Queues the setting of every byte to one value.</summary>
    /// <param name="destination">CUdeviceptr.</param>
    /// <param name="value">The value.</param>
    /// <param name="bytes">How many bytes.</param>
    /// <param name="stream">CUstream.</param>
    void Fill(nint destination, byte value, long bytes, nint stream);

    /// <summary>Waits until everything queued on the stream is done.</summary>
    /// <param name="stream">CUstream.</param>
    /// <exception cref="CudaException">Something queued on it failed.</exception>
    void Synchronize(nint stream);
}
