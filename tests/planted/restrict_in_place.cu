// Planted: the promise that `in` and `out` don't overlap lets the compiler read `in` through a cache that never learns of writes;
// the test calls it with in = out. Each element is replaced by its mean with the next, so the order of threads shows too.
extern "C" __global__ void planted_restrict_in_place(const float* __restrict__ in, float* __restrict__ out, int count) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i + 1 < count) {
        out[i] = (in[i] + in[i + 1]) / 2;
    }
}
