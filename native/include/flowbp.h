// The C ABI between libtorch and the managed side.
//
// Why boxed: the dispatcher can call any operator from a stack of tagged values. With that, one function serves every
// ATen operator, and the same source builds against every libtorch release: nothing here names an operator's
// signature.
//
// Rules: handles are opaque (a tensor handle is an at::Tensor* that the caller owns); a function returns 0, or 1 with
// a message for the calling thread in flowbp_last_error(); no C++ exception crosses this boundary. The struct layouts
// are asserted on both sides (src/*.cpp and FlowBP.Torch.Tests).
#pragma once
#include <cstdint>

#define FLOWBP_API extern "C" __attribute__((visibility("default")))

// What the `bits` of a value mean. Lists hold `length` elements at the address in `bits`.
enum FlowbpTag : int32_t {
    FLOWBP_NONE = 0,
    FLOWBP_TENSOR = 1,                // at::Tensor*; null is an undefined optional tensor
    FLOWBP_INT = 2,                   // int64_t; also ScalarType, Layout, MemoryFormat
    FLOWBP_DOUBLE = 3,                // the bit pattern of a double
    FLOWBP_BOOL = 4,
    FLOWBP_INT_LIST = 5,              // int64_t[]
    FLOWBP_DOUBLE_LIST = 6,           // double[]
    FLOWBP_BOOL_LIST = 7,             // int64_t[], 0 or 1
    FLOWBP_TENSOR_LIST = 8,           // at::Tensor*[]
    FLOWBP_OPTIONAL_TENSOR_LIST = 9,  // at::Tensor*[], null for None
    FLOWBP_STRING = 10,               // UTF-8, `length` bytes
    FLOWBP_DEVICE = 11,               // `bits` the device type, `length` the device index
};

struct FlowbpValue {
    int32_t tag;
    int32_t length;
    int64_t bits;
};

struct FlowbpTensorInfo {
    void* data;
    const int64_t* sizes;
    const int64_t* strides;
    int64_t element_count;
    int64_t dimensions;
    int32_t scalar_type;
    int32_t device_type;
    int32_t device_index;
    int32_t requires_grad;
    int32_t is_leaf;
    int32_t is_contiguous;
};

// What libtorch's allocator holds on a GPU: in tensors, and altogether (what is freed is kept for reuse).
struct FlowbpDeviceMemory {
    int64_t allocated_bytes;
    int64_t peak_allocated_bytes;
    int64_t reserved_bytes;
    int64_t peak_reserved_bytes;
};

// Pulls cotangents back through a managed function: `gradients` has one entry per output (null where none arrived),
// `results` one slot per input, to be filled with owned handles or null. Nonzero means failure, after
// flowbp_set_last_error.
using FlowbpBackward = int32_t (*)(void* context, void* const* gradients, int32_t gradient_count, void** results,
                                   int32_t result_count);
using FlowbpRelease = void (*)(void* context);

FLOWBP_API const char* flowbp_last_error();
FLOWBP_API void flowbp_set_last_error(const char* message);

// An operator by its schema name, e.g. ("aten::add", "Tensor"). `found` is null where this libtorch has none.
FLOWBP_API int32_t flowbp_operator_find(const char* name, const char* overload, void** found);
// Calls it. Missing trailing arguments take the schema's defaults. Tensor results are owned by the caller; a list of
// tensors is returned as consecutive tensors. Where there are more results than `result_capacity`, none is written: the
// caller makes room for *result_count of them and takes them, on the same thread and before its next call.
FLOWBP_API int32_t flowbp_operator_call(void* op, const FlowbpValue* arguments, int32_t argument_count,
                                        FlowbpValue* results, int32_t result_capacity, int32_t* result_count);
FLOWBP_API void flowbp_operator_take_results(FlowbpValue* results);

FLOWBP_API int32_t flowbp_tensor_info(void* tensor, FlowbpTensorInfo* info);
FLOWBP_API int32_t flowbp_tensor_alias(void* tensor, void** alias);
FLOWBP_API void flowbp_tensor_free(void* tensor);
FLOWBP_API int32_t flowbp_tensor_set_requires_grad(void* tensor, int32_t requires_grad);
FLOWBP_API int32_t flowbp_tensor_get_grad(void* tensor, void** grad);
FLOWBP_API int32_t flowbp_tensor_set_grad(void* tensor, void* grad);
FLOWBP_API int64_t flowbp_tensor_live_handles();

FLOWBP_API int32_t flowbp_grad_mode_get();
FLOWBP_API void flowbp_grad_mode_set(int32_t enabled);
// Adds to the gradients of the given inputs, or of every leaf where there are none.
FLOWBP_API int32_t flowbp_autograd_backward(void* const* outputs, void* const* gradients, int32_t output_count,
                                            void* const* inputs, int32_t input_count, int32_t retain_graph,
                                            int32_t create_graph);
FLOWBP_API int32_t flowbp_autograd_grad(void* const* outputs, void* const* gradients, int32_t output_count,
                                        void* const* inputs, int32_t input_count, int32_t retain_graph,
                                        int32_t create_graph, int32_t allow_unused, void** results);
// Makes `outputs` the results of a graph node over `inputs`. The node owns `context` from here on, also on failure.
// `materialize`: an output without a gradient counts as one with a gradient of zeros.
FLOWBP_API int32_t flowbp_autograd_attach(void* const* inputs, int32_t input_count, void* const* outputs,
                                          int32_t output_count, int32_t materialize, void* context,
                                          FlowbpBackward backward, FlowbpRelease release);

// Bytes of CPU tensor storage: now, and the most since the last reset. Counting starts when the library is loaded.
FLOWBP_API int64_t flowbp_memory_current_bytes();
FLOWBP_API int64_t flowbp_memory_peak_bytes();
FLOWBP_API void flowbp_memory_reset_peak();

// CUDA as libtorch sees it; no device where this libtorch has no CUDA or the machine no GPU. The stream is CUDA's own
// (CUstream, cudaStream_t) and the calling thread's current one on that device; null is the default stream.
FLOWBP_API int32_t flowbp_cuda_device_count();
FLOWBP_API int32_t flowbp_cuda_current_stream(int32_t device, void** stream);
// `known` is 0, and `memory` left alone, where this libtorch does not tell.
FLOWBP_API int32_t flowbp_cuda_memory(int32_t device, FlowbpDeviceMemory* memory, int32_t* known);
FLOWBP_API int32_t flowbp_cuda_memory_reset_peak(int32_t device);

FLOWBP_API int32_t flowbp_threads_get();
FLOWBP_API int32_t flowbp_threads_set(int32_t threads);

// Threads of OpenBLAS's own pool, for the whole process; 0 where the BLAS is another one, whose threads the functions above
// govern.
FLOWBP_API int32_t flowbp_blas_threads_get();
FLOWBP_API void flowbp_blas_threads_set(int32_t threads);
// The processor that OpenBLAS chose its kernels for; empty where the BLAS is another one.
FLOWBP_API const char* flowbp_blas_kernels();
