// Planted: a block reverses its part through shared memory, but doesn't wait until all of it is there.
#include "device.cuh"

extern "C" __global__ void planted_missing_barrier(const float* in, float* out) {
    SHARED_ARRAY(float, part, 64);
    const int first = blockIdx.x * 64;
    part[threadIdx.x] = in[first + threadIdx.x];
    out[first + threadIdx.x] = part[63 - threadIdx.x];
}
