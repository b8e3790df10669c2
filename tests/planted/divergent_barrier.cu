// Planted: only half of the threads come to the barrier.
#include "device.cuh"

extern "C" __global__ void planted_divergent_barrier(const float* in, float* out) {
    SHARED_ARRAY(float, part, 64);
    part[threadIdx.x] = in[threadIdx.x];
    if (threadIdx.x < 32) {
        __syncthreads();
    }
    out[threadIdx.x] = part[63 - threadIdx.x];
}
