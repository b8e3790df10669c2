// out[b,l] = x[b,l] + gate[b] · y[b,l], what a transformer block ends with. A thread requests four vectors of x and of y before
// it uses the first; gates come from the caches.
//
// Bytes per element: 3·size. Operations per element: one fused multiply-add, conversions of bf16. Floor: memory. 8 samples of
// 4096 tokens × 1536 bf16 are 302 MB: 63 µs at 4.8 TB/s, against 105 µs for a product and a sum.
#include "arithmetic.cuh"
#include "parameters.cuh"
#include "storage.cuh"

constexpr int GatedThreads = 256;
constexpr int VectorsPerGatedThread = 4;

template <class Storage, int Count>
__device__ __forceinline__ void add_gated(Vector<Storage, Count>& x, const Vector<Storage, Count>& y,
                                          const Vector<Storage, Count>& gate) {
    float value[Count];
#pragma unroll
    for (int i = 0; i < Count; i++) {
        value[i] = fused_multiply_add(value_at(gate, i), value_at(y, i), value_at(x, i));
    }
    pack(x, value);
}

template <class Storage>
__device__ __forceinline__ void gated_residual(const GatedResidualParameters& p) {
    constexpr int Count = PerLoad<Storage>;
    constexpr int Stride = GatedThreads * Count;
    const long long sample = blockIdx.y * p.sample_elements;
    const Storage* x = static_cast<const Storage*>(p.x) + sample;
    const Storage* y = static_cast<const Storage*>(p.y) + sample;
    const Storage* gate = static_cast<const Storage*>(p.gate) + blockIdx.y * p.gate_stride;
    Storage* out = static_cast<Storage*>(p.out) + sample;
    const long long first = static_cast<long long>(blockIdx.x) * (VectorsPerGatedThread * Stride) + threadIdx.x * Count;
    // One division in 64 bits; the others of this thread are in 32.
    const unsigned width = static_cast<unsigned>(p.width);
    const unsigned first_column = static_cast<unsigned>(first % p.width);
    const bool aligned = is_multiple(bits_of(p.x) | bits_of(p.y) | bits_of(p.gate) | bits_of(p.out) |
                                         (p.sample_elements | p.width | p.gate_stride) * sizeof(Storage),
                                     16);

    if (aligned && first + (VectorsPerGatedThread - 1) * Stride + Count <= p.sample_elements) {
        Vector<Storage, Count> xs[VectorsPerGatedThread], ys[VectorsPerGatedThread];
#pragma unroll
        for (int i = 0; i < VectorsPerGatedThread; i++) {
            load<Access::Mutable>(xs[i], x + first + i * Stride);
            load<Access::Streamed>(ys[i], y + first + i * Stride);
        }
#pragma unroll
        for (int i = 0; i < VectorsPerGatedThread; i++) {
            Vector<Storage, Count> gates;
            load<Access::Cached>(gates, gate + (first_column + i * Stride) % width);
            add_gated(xs[i], ys[i], gates);
            store(out + first + i * Stride, xs[i]);
        }
        return;
    }
#pragma unroll 1
    for (int i = 0; i < VectorsPerGatedThread * Count; i++) {
        // Neighbouring threads take neighbouring vectors, element by element.
        const int offset = i / Count * Stride + i % Count;
        if (first + offset < p.sample_elements) {
            Vector<Storage, 2> xs, ys, gates;
            load_elements(xs, x + first + offset, 1);
            load_elements(ys, y + first + offset, 1);
            load_elements(gates, gate + (first_column + offset) % width, 1);
            add_gated(xs, ys, gates);
            store_elements(out + first + offset, xs, 1);
        }
    }
}

// Grid: vectors of a sample / 1024, samples.
extern "C" __global__ void __launch_bounds__(GatedThreads, 3) gated_residual_bf16(const GatedResidualParameters p) {
    gated_residual<Bf16>(p);
}
extern "C" __global__ void __launch_bounds__(GatedThreads, 3) gated_residual_f32(const GatedResidualParameters p) {
    gated_residual<float>(p);
}
