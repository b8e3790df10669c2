// Planted: a sum in two stages, but nothing makes the partial sums visible before the counter tells that they are there. Numbers
// are right on every machine that happens to keep the order of its writes.
#include "device.cuh"

extern "C" __global__ void planted_missing_fence(const float* in, float* partial, unsigned* counter, float* sum) {
    if (threadIdx.x != 0) {
        return;
    }
    float part = 0;
    for (unsigned i = 0; i < blockDim.x; i++) {
        part += in[blockIdx.x * blockDim.x + i];
    }
    partial[blockIdx.x] = part;
    if (atomicInc(counter, gridDim.x - 1) == gridDim.x - 1) {
        float total = 0;
        for (unsigned i = 0; i < gridDim.x; i++) {
            total += partial[i];
        }
        *sum = total;
    }
}
