// Planted: the last thread reads and writes one element behind the buffers.
extern "C" __global__ void planted_out_of_bounds(const float* in, float* out, int count) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i <= count) {
        out[i] = 2 * in[i];
    }
}
