// libtorch exports a few C functions for compiled models (torch/csrc/inductor/aoti_torch/c/shim.h and
// torch/csrc/stable/c/shim.h). Their tensor handle is an at::Tensor*, which is also what `Tensor.Handle` is with either
// provider: they tell what the TorchSharp API does not, without headers and without a C++ compiler. Each function is looked up
// by its name, since releases differ in which they have.

namespace FlowBP.Torch;

/// <summary>The C functions of the libtorch that is loaded.</summary>
internal static unsafe class LibtorchAbi
{
    private const string Cpu = "libtorch_cpu.so";
    private const string Cuda = "libtorch_cuda.so";

    private const nint Unknown = 0;
    private const nint Absent = -1;

    private static nint s_version;
    private static nint s_dataPointer;
    private static nint s_assign;
    private static nint s_currentStream;
    private static nint s_setStream;

    /// <summary>The release, as <c>major.minor.patch</c>; null: libtorch is not loaded, or too old to say.</summary>
    public static Version? Release
    {
        get
        {
            var function = Found(ref s_version, Cpu, "aoti_torch_abi_version");
            if (function == 0)
            {
                return null;
            }
            // One byte each, from the highest down.
            var packed = ((delegate* unmanaged<ulong>)function)();
            return new((int)(packed >> 56), (int)(packed >> 48 & 0xFF), (int)(packed >> 40 & 0xFF));
        }
    }

    /// <summary>The address of a tensor's first element, a view's offset included.</summary>
    /// <param name="tensor">An at::Tensor*.</param>
    /// <param name="address">The address.</param>
    /// <returns>Whether this libtorch tells.</returns>
    public static bool TryDataPointer(nint tensor, out nint address)
    {
        address = 0;
        var function = Found(ref s_dataPointer, Cpu, "aoti_torch_get_data_ptr");
        fixed (nint* result = &address)
        {
            return function != 0 && ((delegate* unmanaged<nint, nint*, int>)function)(tensor, result) == 0;
        }
    }

    /// <summary>Makes what is behind a handle another tensor; the memory is shared.</summary>
    /// <param name="from">The tensor, an at::Tensor*.</param>
    /// <param name="to">The handle that changes.</param>
    /// <returns>Whether this libtorch can.</returns>
    public static bool TryAssign(nint from, nint to)
    {
        var function = Found(ref s_assign, Cpu, "aoti_torch_assign_tensors");
        return function != 0 && ((delegate* unmanaged<nint, nint, int>)function)(from, to) == 0;
    }

    /// <summary>libtorch's current stream of the calling thread on a GPU, as CUDA's own handle.</summary>
    /// <param name="device">Number of a GPU that libtorch can use.</param>
    /// <param name="stream">The stream; 0 is the default one.</param>
    /// <returns>Whether this libtorch tells.</returns>
    public static bool TryCurrentStream(int device, out nint stream)
    {
        stream = 0;
        var function = Found(ref s_currentStream, Cuda, "aoti_torch_get_current_cuda_stream");
        fixed (nint* result = &stream)
        {
            return function != 0 && ((delegate* unmanaged<int, nint*, int>)function)(device, result) == 0;
        }
    }

    /// <summary>Makes a stream libtorch's current one, of the calling thread.</summary>
    /// <param name="device">Number of a GPU that libtorch can use.</param>
    /// <param name="stream">CUDA's own handle.</param>
    /// <returns>Whether this libtorch takes one: releases from 2.10 on do.</returns>
    public static bool TrySetStream(int device, nint stream)
    {
        var function = Found(ref s_setStream, Cuda, "torch_set_current_cuda_stream");
        return function != 0 && ((delegate* unmanaged<nint, int, int>)function)(stream, device) == 0;
    }

    // Found once. A library that is loaded and has no such function will never have it; one that is not loaded may be later: that
    // of CUDA is loaded when CUDA is first used.
    private static nint Found(ref nint known, string library, string name)
    {
        var function = Volatile.Read(ref known);
        if (function == Unknown && LoadedLibrary.Find(library) is not null)
        {
            function = LoadedLibrary.Function(library, name) is not 0 and var found ? found : Absent;
            Volatile.Write(ref known, function);
        }
        return function == Absent ? 0 : function;
    }
}
