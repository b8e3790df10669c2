// Sums in an order that doesn't depend on how the work is shared out: the order of ReductionOrder, which the CPU follows too.
// Eight consecutive elements (an octet) are added by halving, ((e0+e4) + (e2+e6)) + ((e1+e5) + (e3+e7)), within a thread; the
// 32 octets of a block of 256 likewise, across the threads of a warp. The sums of blocks are a row that is summed in the
// same way, until one number is left. Elements that a block lacks count as zeros.
#pragma once
#include "arithmetic.cuh"

constexpr int OctetElements = 8;
constexpr int WarpThreads = 32;
constexpr int BlockElements = OctetElements * WarpThreads;
constexpr unsigned AllThreads = 0xFFFFFFFFu;

__device__ __forceinline__ double sum_of_octet(const double (&value)[OctetElements]) {
    return ((value[0] + value[4]) + (value[2] + value[6])) + ((value[1] + value[5]) + (value[3] + value[7]));
}

// Every thread gets the sum over the warp, by halving.
template <class T>
__device__ __forceinline__ T sum_of_warp(T value) {
#pragma unroll
    for (int offset = WarpThreads / 2; offset > 0; offset /= 2) {
        value += __shfl_xor_sync(AllThreads, value, offset);
    }
    return value;
}

// Several sums over the warp at once: each exchange halves the number of sums that a thread carries on, where one exchange
// per sum and halving would keep the shuffle unit busier than the memory. Thread t gets sum t / (32 / Sums).
template <int Sums>
__device__ __forceinline__ double sums_of_warp(double (&value)[Sums]) {
    const int lane = threadIdx.x % WarpThreads;
    int offset = WarpThreads / 2;
#pragma unroll
    for (int kept = Sums / 2; kept > 0; kept /= 2, offset /= 2) {
        const bool upper = (lane & offset) != 0;
#pragma unroll
        for (int i = 0; i < kept; i++) {
            const double mine = upper ? value[i + kept] : value[i];
            const double other = upper ? value[i] : value[i + kept];
            value[i] = mine + __shfl_xor_sync(AllThreads, other, offset);
        }
    }
#pragma unroll
    for (; offset > 0; offset /= 2) {
        value[0] += __shfl_xor_sync(AllThreads, value[0], offset);
    }
    return value[0];
}

// The sum of a block of partial sums, by one warp. There may be more of them than the block takes.
__device__ __forceinline__ double sum_of_partials(const double* partial, long long count) {
    const int first = threadIdx.x % WarpThreads * OctetElements;
    double value[OctetElements];
#pragma unroll
    for (int i = 0; i < OctetElements; i++) {
        value[i] = first + i < count ? partial[first + i] : 0.0;
    }
    return sum_of_warp(sum_of_octet(value));
}
