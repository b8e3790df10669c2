// Sums over a row for the norms of a transformer, in binary32: fast, and still in one order that the CPU follows. The row is cut
// into vectors of 16 bytes; vector c goes to lane c mod 32, where its elements are added in turn; the 32 lanes are added by
// halving. Elements and lanes that the row lacks count as zeros, so a row that fills only some lanes needs only as many threads.
#pragma once
#include "arithmetic.cuh"

// Every one of 2, 4 … 32 neighbouring threads gets the sum over them, by halving.
__device__ __forceinline__ float sum_of_lanes(float value, int lanes) {
#pragma unroll
    for (int offset = 16; offset > 0; offset /= 2) {
        const float other = __shfl_xor_sync(0xFFFFFFFFu, value, offset);
        if (offset < lanes) {
            value += other;
        }
    }
    return value;
}

// 1 / √(sum / count + ε), each operation rounded once: the few instructions more than an approximation are lost in the time
// that memory takes, and every machine gives the same bits.
__device__ __forceinline__ float reciprocal_root(float sum, float reciprocal_count, float epsilon) {
    return __frcp_rn(__fsqrt_rn(__fmaf_rn(sum, reciprocal_count, epsilon)));
}
