using System.Runtime.InteropServices;

namespace FlowBP.Torch.Interop;

/// <summary>
/// The functions of native/include/flowbp.h, one to one. Those that only read a number skip the switch of the garbage
/// collector's mode, which costs more than they do.
/// </summary>
internal static unsafe partial class NativeMethods
{
    private const string Library = "flowbp";

    static NativeMethods() => NativeLibraryLocator.Register();

    [LibraryImport(Library)]
    public static partial byte* flowbp_last_error();

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial void flowbp_set_last_error(string message);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int flowbp_operator_find(string name, string overload, nint* found);

    [LibraryImport(Library)]
    public static partial int flowbp_operator_call(
        nint op,
        NativeValue* arguments,
        int argumentCount,
        NativeValue* results,
        int resultCapacity,
        int* resultCount
    );

    [LibraryImport(Library)]
    public static partial void flowbp_operator_take_results(NativeValue* results);

    [LibraryImport(Library)]
    public static partial int flowbp_tensor_info(nint tensor, NativeTensorInfo* info);

    [LibraryImport(Library)]
    public static partial int flowbp_tensor_alias(nint tensor, nint* alias);

    [LibraryImport(Library)]
    public static partial void flowbp_tensor_free(nint tensor);

    [LibraryImport(Library)]
    public static partial int flowbp_tensor_set_requires_grad(nint tensor, int requiresGrad);

    [LibraryImport(Library)]
    public static partial int flowbp_tensor_get_grad(nint tensor, nint* grad);

    [LibraryImport(Library)]
    public static partial int flowbp_tensor_set_grad(nint tensor, nint grad);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    public static partial long flowbp_tensor_live_handles();

    [LibraryImport(Library)]
    [SuppressGCTransition]
    public static partial int flowbp_grad_mode_get();

    [LibraryImport(Library)]
    public static partial void flowbp_grad_mode_set(int enabled);

    [LibraryImport(Library)]
    public static partial int flowbp_autograd_backward(
        nint* outputs,
        nint* gradients,
        int outputCount,
        nint* inputs,
        int inputCount,
        int retainGraph,
        int createGraph
    );

    [LibraryImport(Library)]
    public static partial int flowbp_autograd_grad(
        nint* outputs,
        nint* gradients,
        int outputCount,
        nint* inputs,
        int inputCount,
        int retainGraph,
        int createGraph,
        int allowUnused,
        nint* results
    );

    [LibraryImport(Library)]
    public static partial int flowbp_autograd_attach(
        nint* inputs,
        int inputCount,
        nint* outputs,
        int outputCount,
        int materialize,
        nint context,
        delegate* unmanaged[Cdecl]<nint, nint*, int, nint*, int, int> backward,
        delegate* unmanaged[Cdecl]<nint, void> release
    );

    [LibraryImport(Library)]
    [SuppressGCTransition]
    public static partial long flowbp_memory_current_bytes();

    [LibraryImport(Library)]
    [SuppressGCTransition]
    public static partial long flowbp_memory_peak_bytes();

    [LibraryImport(Library)]
    public static partial void flowbp_memory_reset_peak();

    [LibraryImport(Library)]
    public static partial int flowbp_cuda_device_count();

    [LibraryImport(Library)]
    public static partial int flowbp_cuda_current_stream(int device, nint* stream);

    [LibraryImport(Library)]
    public static partial int flowbp_cuda_memory(int device, NativeDeviceMemory* memory, int* known);

    [LibraryImport(Library)]
    public static partial int flowbp_cuda_memory_reset_peak(int device);

    [LibraryImport(Library)]
    public static partial int flowbp_threads_get();

    [LibraryImport(Library)]
    public static partial int flowbp_threads_set(int threads);

    [LibraryImport(Library)]
    public static partial int flowbp_blas_threads_get();

    [LibraryImport(Library)]
    public static partial void flowbp_blas_threads_set(int threads);

    [LibraryImport(Library)]
    public static partial byte* flowbp_blas_kernels();
}
