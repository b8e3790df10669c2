// Planted: the first thread adds up 32 partial sums, of which the block's warps have written as many as there are warps.
#include "device.cuh"

extern "C" __global__ void planted_uninitialised_shared(const float* in, float* sum) {
    SHARED_ARRAY(float, partial, 32);
    float value = in[threadIdx.x];
    for (int offset = 16; offset > 0; offset /= 2) {
        value += __shfl_xor_sync(0xFFFFFFFFu, value, offset);
    }
    if (threadIdx.x % 32 == 0) {
        partial[threadIdx.x / 32] = value;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        float total = 0;
        for (int i = 0; i < 32; i++) {
            total += partial[i];
        }
        *sum = total;
    }
}
