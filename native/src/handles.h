// Tensor handles: heap-allocated at::Tensor, counted so that a test can prove that none leaks.
#pragma once
#include <ATen/core/Tensor.h>

#include <atomic>
#include <vector>

namespace flowbp {

extern std::atomic<int64_t> live_handles;

inline void* new_handle(at::Tensor tensor) {
    live_handles.fetch_add(1, std::memory_order_relaxed);
    return new at::Tensor(std::move(tensor));
}

inline at::Tensor& tensor_of(void* handle) {
    return *static_cast<at::Tensor*>(handle);
}

inline std::vector<at::Tensor> tensors_of(void* const* handles, int32_t count) {
    std::vector<at::Tensor> tensors;
    tensors.reserve(count);
    for (int32_t i = 0; i < count; i++) {
        tensors.push_back(handles[i] ? tensor_of(handles[i]) : at::Tensor());
    }
    return tensors;
}

}  // namespace flowbp
