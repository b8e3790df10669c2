// Everything the managed side asks of a tensor that is not an operator.
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <cstddef>

#include "error.h"
#include "handles.h"

static_assert(sizeof(FlowbpTensorInfo) == 64 && offsetof(FlowbpTensorInfo, scalar_type) == 40);

namespace flowbp {
std::atomic<int64_t> live_handles{0};
}

using flowbp::guarded;
using flowbp::tensor_of;

int32_t flowbp_tensor_info(void* handle, FlowbpTensorInfo* info) {
    return guarded([&] {
        const at::Tensor& tensor = tensor_of(handle);
        info->data = tensor.data_ptr();
        info->sizes = tensor.sizes().data();
        info->strides = tensor.strides().data();
        info->element_count = tensor.numel();
        info->dimensions = tensor.dim();
        info->scalar_type = static_cast<int32_t>(tensor.scalar_type());
        info->device_type = static_cast<int32_t>(tensor.device().type());
        info->device_index = tensor.device().index();
        info->requires_grad = tensor.requires_grad();
        info->is_leaf = tensor.is_leaf();
        info->is_contiguous = tensor.is_contiguous();
    });
}

int32_t flowbp_tensor_alias(void* handle, void** alias) {
    return guarded([&] { *alias = flowbp::new_handle(tensor_of(handle)); });
}

void flowbp_tensor_free(void* handle) {
    flowbp::live_handles.fetch_sub(1, std::memory_order_relaxed);
    delete static_cast<at::Tensor*>(handle);
}

int32_t flowbp_tensor_set_requires_grad(void* handle, int32_t requires_grad) {
    return guarded([&] { tensor_of(handle).requires_grad_(requires_grad != 0); });
}

int32_t flowbp_tensor_get_grad(void* handle, void** grad) {
    return guarded([&] {
        const at::Tensor& found = tensor_of(handle).grad();
        *grad = found.defined() ? flowbp::new_handle(found) : nullptr;
    });
}

int32_t flowbp_tensor_set_grad(void* handle, void* grad) {
    return guarded([&] { tensor_of(handle).mutable_grad() = grad ? tensor_of(grad) : at::Tensor(); });
}

int64_t flowbp_tensor_live_handles() {
    return flowbp::live_handles.load(std::memory_order_relaxed);
}

int32_t flowbp_threads_get() {
    return at::get_num_threads();
}

int32_t flowbp_threads_set(int32_t threads) {
    return guarded([&] { at::set_num_threads(threads); });
}
