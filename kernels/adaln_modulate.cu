// out[b,l] = LayerNorm(x[b,l]) · (1 + scale[b]) + shift[b], the norm without weight or bias. A warp owns a row and keeps it in
// registers: mean and variance are taken in two passes, without reading memory twice. What is longer than 384 vectors of 16
// bytes (3072 bf16, 1536 binary32) is read again, out of a cache.
//
// Bytes per element: 2·size; scale and shift stay in the caches. Operations per element: 2 additions, 2 fused multiply-adds, 1
// multiplication, conversions of bf16. Floor: memory. 8 samples of 4096 tokens × 1536 bf16 are 201 MB: 42 µs at 4.8 TB/s, where
// LayerNorm, scaling and shifting one after another take three times as much.
#include "parameters.cuh"
#include "row_sums.cuh"
#include "storage.cuh"

constexpr int AdalnThreads = 128;
constexpr int AdalnWarps = AdalnThreads / 32;
constexpr int AdalnHeld = 12;

// The row of one warp. Vector k of a thread is vector 32·k + lane of the row; the first `Held` stay in registers.
template <class Storage, int Held, bool Whole>
struct AdalnRow {
    static constexpr int Count = PerLoad<Storage>;
    const Storage* address;
    int width, vectors, lane;
    Vector<Storage, Count> held[Held > 0 ? Held : 1];

    __device__ __forceinline__ void load_held() {
#pragma unroll
        for (int k = 0; k < Held; k++) {
            const int c = 32 * k + lane;
            if (c < vectors) {
                load<Access::Mutable>(held[k], address + c * Count);
            }
        }
    }

    // Calls action(first element, vector) for each vector of the thread, in order.
    template <class Action>
    __device__ __forceinline__ void for_each_vector(Action action) {
#pragma unroll
        for (int k = 0; k < Held; k++) {
            const int c = 32 * k + lane;
            if (c < vectors) {
                action(c * Count, held[k]);
            }
        }
#pragma unroll 1
        for (int c = 32 * Held + lane; c < vectors; c += 32) {
            Vector<Storage, Count> vector;
            load_some<Whole, Access::Mutable>(vector, address + c * Count, width - c * Count);
            action(c * Count, vector);
        }
    }
};

template <class Storage, int Held, bool Whole>
__device__ __forceinline__ void modulate_row(const AdalnModulateParameters& p, long long row) {
    constexpr int Count = PerLoad<Storage>;
    const int width = static_cast<int>(p.width);
    AdalnRow<Storage, Held, Whole> x;
    x.address = static_cast<const Storage*>(p.x) + row * p.width;
    x.width = width;
    x.vectors = (width - 1) / Count + 1;
    x.lane = threadIdx.x % 32;
    x.load_held();

    const float reciprocal_width = __frcp_rn(static_cast<float>(width));
    float sum = 0;
    x.for_each_vector([&](int, const Vector<Storage, Count>& vector) {
#pragma unroll
        for (int i = 0; i < Count; i++) {
            sum += value_at(vector, i);
        }
    });
    const float mean = sum_of_lanes(sum, 32) * reciprocal_width;

    float squares = 0;
    x.for_each_vector([&](int element, const Vector<Storage, Count>& vector) {
#pragma unroll
        for (int i = 0; i < Count; i++) {
            const float deviation = value_at(vector, i) - mean;
            if (Whole || element + i < width) {
                squares = fused_multiply_add(deviation, deviation, squares);
            }
        }
    });
    const float inverse_deviation = reciprocal_root(sum_of_lanes(squares, 32), reciprocal_width, p.epsilon);

    const long long sample = row / p.tokens;
    const Storage* scale = static_cast<const Storage*>(p.scale) + sample * p.scale_stride;
    const Storage* shift = static_cast<const Storage*>(p.shift) + sample * p.shift_stride;
    Storage* out = static_cast<Storage*>(p.out) + row * p.width;
    x.for_each_vector([&](int element, const Vector<Storage, Count>& vector) {
        Vector<Storage, Count> scales, shifts, result;
        load_some<Whole, Access::Cached>(scales, scale + element, width - element);
        load_some<Whole, Access::Cached>(shifts, shift + element, width - element);
        float value[Count];
#pragma unroll
        for (int i = 0; i < Count; i++) {
            value[i] = fused_multiply_add((value_at(vector, i) - mean) * inverse_deviation, 1 + value_at(scales, i),
                                          value_at(shifts, i));
        }
        pack(result, value);
        store_some<Whole>(out + element, result, width - element);
    });
}

template <class Storage>
__device__ __forceinline__ void adaln_modulate(const AdalnModulateParameters& p) {
    const long long row = static_cast<long long>(blockIdx.x) * AdalnWarps + threadIdx.x / 32;
    if (row >= p.rows) {
        return;  // the whole warp
    }
    const unsigned long long addresses = bits_of(p.x) | bits_of(p.scale) | bits_of(p.shift) | bits_of(p.out);
    if (is_multiple(addresses | (p.width | p.scale_stride | p.shift_stride) * sizeof(Storage), 16)) {
        modulate_row<Storage, AdalnHeld, true>(p, row);
    } else {
        modulate_row<Storage, 0, false>(p, row);
    }
}

// Grid: rows / 4.
extern "C" __global__ void __launch_bounds__(AdalnThreads, 5) adaln_modulate_bf16(const AdalnModulateParameters p) {
    adaln_modulate<Bf16>(p);
}
extern "C" __global__ void __launch_bounds__(AdalnThreads, 5) adaln_modulate_f32(const AdalnModulateParameters p) {
    adaln_modulate<float>(p);
}
