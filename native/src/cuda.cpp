// What launching one's own kernels on libtorch's tensors takes: which device and which stream libtorch is working on, and how
// much memory its allocator holds. CUDA's headers are not needed for that, so this builds against every libtorch, with CUDA or
// without: libtorch registers what it knows of a kind of device behind interfaces that its CPU part declares. What only some
// releases declare is asked of the compiler, expression by expression.
#include <c10/core/Allocator.h>
#include <c10/core/DeviceType.h>
#include <c10/core/Stream.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#if __has_include(<c10/core/CachingDeviceAllocator.h>)
#include <c10/core/CachingDeviceAllocator.h>
#endif

#include <dlfcn.h>

#include <cstddef>

#include "error.h"

static_assert(sizeof(FlowbpDeviceMemory) == 32 && offsetof(FlowbpDeviceMemory, peak_reserved_bytes) == 24);

// Stays incomplete where the release has no such class.
namespace c10 {
struct DeviceAllocator;
}

using flowbp::guarded;

namespace {

constexpr auto cuda = c10::DeviceType::CUDA;

// Checked before libtorch is asked: some of its functions that fail for want of a GPU may not throw, and end the process.
c10::impl::VirtualGuardImpl guard_of_some_device() {
    TORCH_CHECK(c10::impl::hasDeviceGuardImpl(cuda), "this libtorch has no CUDA");
    const c10::impl::VirtualGuardImpl guard(cuda);
    TORCH_CHECK(guard.deviceCount() > 0, "libtorch can use no GPU here");
    return guard;
}

c10::Device existing_device(const c10::impl::VirtualGuardImpl& guard, int32_t index) {
    TORCH_CHECK(index >= 0 && index < guard.deviceCount(), "there is no GPU ", index, "; libtorch can use ",
                static_cast<int32_t>(guard.deviceCount()), ", numbered from 0");
    return c10::Device(cuda, static_cast<c10::DeviceIndex>(index));
}

// Every release has it in libc10_cuda, in a class whose only member is a c10::Stream.
void* handle_from_cuda_library(const c10::Stream& stream) {
    static const auto handle =
        reinterpret_cast<void* (*)(const c10::Stream*)>(dlsym(RTLD_DEFAULT, "_ZNK3c104cuda10CUDAStream6streamEv"));
    TORCH_CHECK(handle != nullptr, "this libtorch does not tell its CUDA stream");
    return handle(&stream);
}

template <typename Stream>
void* handle_of(const Stream& stream) {
    try {
        if constexpr (requires { stream.native_handle(); }) {
            return stream.native_handle();
        } else if constexpr (requires { stream.stream_handle(); }) {
            return stream.stream_handle();
        }
    } catch (const c10::Error&) {
        // Declared by this release, but not for CUDA.
    }
    return handle_from_cuda_library(stream);
}

template <typename Allocator>
concept KeepsFigures = requires(Allocator& allocator, c10::DeviceIndex device) {
    allocator.getDeviceStats(device).allocated_bytes[0].peak;
    allocator.resetPeakStats(device);
};

// Calls `use` with the allocator that keeps figures of a device, where there is one.
template <typename Allocator, typename Use>
void with_figures(int32_t device, Use&& use) {
    if constexpr (KeepsFigures<Allocator>) {
        if (device >= 0 && device < flowbp_cuda_device_count()) {
            if (auto* allocator = dynamic_cast<Allocator*>(c10::GetAllocator(cuda))) {
                use(*allocator, static_cast<c10::DeviceIndex>(device));
            }
        }
    }
}

}  // namespace

int32_t flowbp_cuda_device_count() {
    return c10::impl::hasDeviceGuardImpl(cuda) ? c10::impl::VirtualGuardImpl(cuda).deviceCount() : 0;
}

int32_t flowbp_cuda_current_stream(int32_t device, void** stream) {
    return guarded([&] {
        const auto guard = guard_of_some_device();
        const c10::Stream current = guard.getStream(existing_device(guard, device));
        // The default stream, which is 0 to CUDA as well.
        *stream = current.id() == 0 ? nullptr : handle_of(current);
    });
}

int32_t flowbp_cuda_memory(int32_t device, FlowbpDeviceMemory* memory, int32_t* known) {
    return guarded([&] {
        *known = 0;
        with_figures<c10::DeviceAllocator>(device, [&](auto& allocator, c10::DeviceIndex index) {
            const auto figures = allocator.getDeviceStats(index);
            // Of the kinds of memory that figures are kept for, the first is all of them together.
            memory->allocated_bytes = figures.allocated_bytes[0].current;
            memory->peak_allocated_bytes = figures.allocated_bytes[0].peak;
            memory->reserved_bytes = figures.reserved_bytes[0].current;
            memory->peak_reserved_bytes = figures.reserved_bytes[0].peak;
            *known = 1;
        });
    });
}

int32_t flowbp_cuda_memory_reset_peak(int32_t device) {
    return guarded([&] {
        with_figures<c10::DeviceAllocator>(
            device, [](auto& allocator, c10::DeviceIndex index) { allocator.resetPeakStats(index); });
    });
}
