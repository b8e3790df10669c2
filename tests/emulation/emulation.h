// CUDA C++ for a CPU's compiler: included in front of the text of a .cu file, it lets g++ compile that text unchanged. Every CUDA
// thread is a fiber; emulation.cpp switches between them at barriers and warp operations, where it also checks that all those
// arrive that must. Three builds of the same sources look for different things:
//
//   plain                          numbers, bit for bit; shared memory is poisoned before each block, threads and blocks run in
//                                  any order that is asked for
//   -fsanitize=address,undefined   accesses out of bounds, misaligned ones, overflows
//   -fsanitize=thread              accesses that nothing orders: each CUDA thread is a thread to the sanitizer, too, ordered by
//                                  barriers, __syncwarp and acquire-release atomics, and by nothing else
//
// It has what the kernels use, not more. x86-64.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

// ---- The language

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define SHARED_ARRAY(Type, name, count)                            \
    Type(&name)[count] = *reinterpret_cast<Type(*)[count]>(        \
        ::emulation::shared_memory([] { static char declaration; return &declaration; }(), sizeof(Type) * (count)))

struct alignas(8) uint2 {
    unsigned x, y;
};
struct uint3 {
    unsigned x, y, z;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

// ---- What a thread can ask of the machine it runs on (emulation.cpp)

namespace emulation {

// Where in the source a thread waits; barriers and warp operations are told apart by it.
struct Place {
    const char* file;
    int line;
};

const uint3& thread_index();
const uint3& block_index();
const uint3& block_size();
const uint3& grid_size();
int lane();

// The block's memory for a declaration, the same for all its threads.
void* shared_memory(const void* declaration, size_t bytes);

void synchronize_threads(Place place);
void synchronize_warp(unsigned mask, Place place);
uint64_t shuffle(unsigned mask, uint64_t value, int source, Place place);

template <class T>
T shuffled(unsigned mask, T value, int source, Place place) {
    static_assert(sizeof(T) <= sizeof(uint64_t));
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof(T));
    bits = shuffle(mask, bits, source, place);
    memcpy(&value, &bits, sizeof(T));
    return value;
}

// ---- Kernels by name, called with the addresses of their arguments like the driver's cuLaunchKernel

struct Kernel {
    const char* name;
    void (*function)();
    void (*call)(void (*function)(), void** arguments);
    int parameters;
    const size_t* parameter_sizes;
    const Kernel* next;
};

void add(Kernel* kernel);

template <class... A, size_t... I>
void call(void (*function)(A...), void** arguments, std::index_sequence<I...>) {
    function(*static_cast<std::remove_const_t<A>*>(arguments[I])...);
}

template <class... A>
Kernel kernel_of(const char* name, void (*function)(A...)) {
    static constexpr size_t sizes[] = {sizeof(A)...};
    auto call_packed = [](void (*packed)(), void** arguments) {
        call(reinterpret_cast<void (*)(A...)>(packed), arguments, std::index_sequence_for<A...>());
    };
    return {name, reinterpret_cast<void (*)()>(function), call_packed, sizeof...(A), sizes, nullptr};
}

struct Registration {
    Kernel kernel;
    template <class... A>
    Registration(const char* name, void (*function)(A...)) : kernel(kernel_of(name, function)) {
        add(&kernel);
    }
};

}  // namespace emulation

#define EMULATED_KERNEL(name) static ::emulation::Registration registration_of_##name(#name, &name);

// ---- Built-in variables and functions

#define threadIdx (::emulation::thread_index())
#define blockIdx (::emulation::block_index())
#define blockDim (::emulation::block_size())
#define gridDim (::emulation::grid_size())

#define __syncthreads() ::emulation::synchronize_threads({__FILE__, __LINE__})
#define __syncwarp() ::emulation::synchronize_warp(0xFFFFFFFFu, {__FILE__, __LINE__})
#define __shfl_sync(mask, value, source) ::emulation::shuffled(mask, value, source, {__FILE__, __LINE__})
#define __shfl_xor_sync(mask, value, bits) \
    ::emulation::shuffled(mask, value, ::emulation::lane() ^ (bits), {__FILE__, __LINE__})

inline float __uint_as_float(unsigned bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
inline float __int_as_float(int bits) { return __uint_as_float(static_cast<unsigned>(bits)); }
inline unsigned __float_as_uint(float value) {
    unsigned bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}
inline double __hiloint2double(int high, int low) {
    const uint64_t bits = static_cast<uint64_t>(static_cast<unsigned>(high)) << 32 | static_cast<unsigned>(low);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
inline int __double2hiint(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return static_cast<int>(bits >> 32);
}
inline int __double2loint(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return static_cast<int>(bits);
}

// Rounded to nearest even, as the suffix says; needs -ffp-contract=off.
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __frcp_rn(float a) { return 1 / a; }
inline float __fsqrt_rn(float a) { return sqrtf(a); }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __dsqrt_rn(double a) { return sqrt(a); }
inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }

template <class T>
T min(T a, T b) {
    return b < a ? b : a;
}

// CUDA's atomics order nothing by themselves.
inline unsigned atomicInc(unsigned* counter, unsigned limit) {
    unsigned before = __atomic_load_n(counter, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(counter, &before, before >= limit ? 0 : before + 1, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED)) {
    }
    return before;
}
