// What CUDA C++ has no words for: loads that choose their way through the caches, stores that stay whole, the hardware's rounding to
// bf16, a counter that orders memory. Each instruction stands beside a twin in plain C++ that means the same, so that the same kernel text
// runs on a GPU and, with tests/emulation, on a CPU. No other file of kernels/ knows which of the two it is compiled for.
//
// The loads are volatile so that the compiler keeps a batch of them together, in front of the first use: it would otherwise
// sink each one to its use, to save registers, and leave the memory idle. It also splits 16-byte accesses: loads of bf16 in two,
// stores in four where another branch stores the same elements one by one.
#pragma once

// Static shared memory; the emulation gives each block memory of its own, and poisons it.
#ifndef SHARED_ARRAY
#define SHARED_ARRAY(Type, name, count) __shared__ Type name[count]
#endif

// How a value is read.
//   Streamed: by one thread, once. Passes by the first-level cache. Nothing writes it while the kernel runs.
//   Cached:   by many threads, or half a sector at a time. Nothing writes it while the kernel runs.
//   Mutable:  by one thread, once; the kernel itself may write it.
enum class Access { Streamed, Cached, Mutable };

#ifdef __CUDA_ARCH__

template <Access access>
__device__ __forceinline__ uint4 load_16_bytes(const void* address) {
    uint4 r;
    if constexpr (access == Access::Streamed) {
        asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
                     : "=r"(r.x), "=r"(r.y), "=r"(r.z), "=r"(r.w)
                     : "l"(address));
    } else if constexpr (access == Access::Cached) {
        asm volatile("ld.global.nc.v4.u32 {%0, %1, %2, %3}, [%4];"
                     : "=r"(r.x), "=r"(r.y), "=r"(r.z), "=r"(r.w)
                     : "l"(address));
    } else {
        asm volatile("ld.global.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
                     : "=r"(r.x), "=r"(r.y), "=r"(r.z), "=r"(r.w)
                     : "l"(address));
    }
    return r;
}

template <Access access>
__device__ __forceinline__ uint2 load_8_bytes(const void* address) {
    uint2 r;
    if constexpr (access == Access::Streamed) {
        asm volatile("ld.global.nc.L1::no_allocate.v2.u32 {%0, %1}, [%2];" : "=r"(r.x), "=r"(r.y) : "l"(address));
    } else if constexpr (access == Access::Cached) {
        asm volatile("ld.global.nc.v2.u32 {%0, %1}, [%2];" : "=r"(r.x), "=r"(r.y) : "l"(address));
    } else {
        asm volatile("ld.global.L1::no_allocate.v2.u32 {%0, %1}, [%2];" : "=r"(r.x), "=r"(r.y) : "l"(address));
    }
    return r;
}

__device__ __forceinline__ void store_16_bytes(void* address, uint4 v) {
    asm volatile("st.global.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(address), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w)
                 : "memory");
}

__device__ __forceinline__ void store_8_bytes(void* address, uint2 v) {
    asm volatile("st.global.v2.u32 [%0], {%1, %2};" ::"l"(address), "r"(v.x), "r"(v.y) : "memory");
}

// Two binary32 rounded to bf16, to nearest even, as one word; a NaN becomes 0x7FFF.
__device__ __forceinline__ unsigned round_to_bf16_pair(float low, float high) {
    unsigned pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
}

// Counts up to `arrivals`; true for the last to arrive, for whom the counter is zero again. What the others wrote before
// they arrived is visible to the last.
__device__ __forceinline__ bool arrives_last(unsigned* counter, unsigned arrivals) {
    unsigned before;
    asm volatile("atom.acq_rel.gpu.global.inc.u32 %0, [%1], %2;"
                 : "=r"(before)
                 : "l"(counter), "r"(arrivals - 1)
                 : "memory");
    return before == arrivals - 1;
}

#else

template <Access access>
inline uint4 load_16_bytes(const void* address) {
    return *static_cast<const uint4*>(address);
}

template <Access access>
inline uint2 load_8_bytes(const void* address) {
    return *static_cast<const uint2*>(address);
}

inline void store_16_bytes(void* address, uint4 v) { *static_cast<uint4*>(address) = v; }

inline void store_8_bytes(void* address, uint2 v) { *static_cast<uint2*>(address) = v; }

inline unsigned round_to_bf16(float value) {
    if (value != value) {
        return 0x7FFFu;
    }
    const unsigned bits = __float_as_uint(value);
    return (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
}

inline unsigned round_to_bf16_pair(float low, float high) {
    return round_to_bf16(low) | (round_to_bf16(high) << 16);
}

inline bool arrives_last(unsigned* counter, unsigned arrivals) {
    unsigned before = __atomic_load_n(counter, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(counter, &before, before >= arrivals - 1 ? 0 : before + 1, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
    }
    return before == arrivals - 1;
}

#endif
