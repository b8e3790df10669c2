// A CPU allocator that counts. Tensor memory is the figure this project is about, and libtorch keeps none for the CPU.
//
// Each block carries its size in a header of one cache line, so that the address handed out keeps the alignment that
// libtorch's vectorised kernels expect, and freeing needs no table.
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>

#include <atomic>
#include <cstring>
#include <limits>

#include "flowbp.h"

namespace {

constexpr size_t header_bytes = 64;

std::atomic<int64_t> current_bytes{0};
std::atomic<int64_t> peak_bytes{0};

void free_counted(void* data) {
    if (!data) {
        return;
    }
    char* block = static_cast<char*>(data) - header_bytes;
    int64_t size;
    std::memcpy(&size, block, sizeof size);
    current_bytes.fetch_sub(size, std::memory_order_relaxed);
    c10::free_cpu(block);
}

c10::DataPtr allocate_counted(size_t bytes) {
    if (bytes == 0) {
        return {nullptr, nullptr, &free_counted, c10::Device(c10::DeviceType::CPU)};
    }
    if (bytes > static_cast<size_t>(std::numeric_limits<int64_t>::max()) - header_bytes) {
        TORCH_CHECK(false, "cannot allocate ", bytes, " bytes");
    }
    char* block = static_cast<char*>(c10::alloc_cpu(bytes + header_bytes));
    const int64_t size = static_cast<int64_t>(bytes);
    std::memcpy(block, &size, sizeof size);
    const int64_t now = current_bytes.fetch_add(size, std::memory_order_relaxed) + size;
    int64_t seen = peak_bytes.load(std::memory_order_relaxed);
    while (now > seen && !peak_bytes.compare_exchange_weak(seen, now, std::memory_order_relaxed)) {
    }
    void* data = block + header_bytes;
    return {data, data, &free_counted, c10::Device(c10::DeviceType::CPU)};
}

// c10::Allocator::allocate lost its `const` between libtorch releases: take whichever signature this one declares.
template <typename Signature>
struct CountingAllocator;

template <typename Owner>
struct CountingAllocator<c10::DataPtr (Owner::*)(size_t) const> final : c10::Allocator {
    c10::DataPtr allocate(size_t bytes) const override { return allocate_counted(bytes); }
    c10::DeleterFnPtr raw_deleter() const override { return &free_counted; }
};

template <typename Owner>
struct CountingAllocator<c10::DataPtr (Owner::*)(size_t)> final : c10::Allocator {
    c10::DataPtr allocate(size_t bytes) override { return allocate_counted(bytes); }
    c10::DeleterFnPtr raw_deleter() const override { return &free_counted; }
    // Overrides a pure virtual function of those releases.
    void copy_data(void* destination, const void* source, size_t count) const { std::memcpy(destination, source, count); }
};

// Installed at load time, before the first tensor can exist.
struct Installation {
    Installation() {
        static CountingAllocator<decltype(&c10::Allocator::allocate)> allocator;
        c10::SetCPUAllocator(&allocator, std::numeric_limits<uint8_t>::max());
    }
} installation;

}  // namespace

int64_t flowbp_memory_current_bytes() {
    return current_bytes.load(std::memory_order_relaxed);
}

int64_t flowbp_memory_peak_bytes() {
    return peak_bytes.load(std::memory_order_relaxed);
}

void flowbp_memory_reset_peak() {
    peak_bytes.store(current_bytes.load(std::memory_order_relaxed), std::memory_order_relaxed);
}
