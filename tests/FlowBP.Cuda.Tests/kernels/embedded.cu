#include "embedded.cuh"
extern "C" __global__ void twice(float* x) { *x = two() * *x; }
