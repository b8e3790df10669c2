// x̂ = x[start] + Σ_k weight_k · v[index_k], for a few consecutive elements of one sample: what replay and residual share.
// One thread walks through all points, so x̂ lives in registers and every velocity is read once. To keep the memory busy, 128
// bytes of velocities per thread are requested before the first of them is used.
#pragma once
#include "arithmetic.cuh"
#include "parameters.cuh"
#include "storage.cuh"

// Steps and weights of one sample, out of the launch's table.
struct QuadratureTable {
    const QuadratureParameters& parameters;
    int sample;

    __device__ __forceinline__ long long start() const { return parameters.table[sample]; }
    __device__ __forceinline__ long long target() const { return parameters.table[parameters.samples + sample]; }
    __device__ __forceinline__ long long index(int k) const {
        return parameters.table[2 * parameters.samples + sample * parameters.points + k];
    }
    __device__ __forceinline__ void weight(int k, float& value) const {
        value = __int_as_float(parameters.table[(2 + parameters.points) * parameters.samples +
                                                sample * parameters.points + k]);
    }
    __device__ __forceinline__ void weight(int k, double& value) const {
        const int word = (2 + parameters.points) * parameters.samples + 2 * (sample * parameters.points + k);
        value = __hiloint2double(parameters.table[word + 1], parameters.table[word]);
    }
};

// Half a sector at a time needs the first-level cache for the other half.
template <class Storage, int Count>
constexpr Access QuadratureAccess = Count > PerLoad<Storage> ? Access::Cached : Access::Streamed;

// Adds some points, and in front of the first ones the state that the sum starts from.
template <bool Whole, bool First, int Points, class Storage, int Count>
__device__ __forceinline__ void add_points(Arithmetic<Storage> (&sum)[Count], const Vector<Storage, Count>& start,
                                           const QuadratureTable& table, int k, const Storage* v, long long count) {
    constexpr Access access = QuadratureAccess<Storage, Count>;
    Vector<Storage, Count> velocity[Points];
#pragma unroll
    for (int i = 0; i < Points; i++) {
        load_some<Whole, access>(velocity[i], v + table.index(k + i) * table.parameters.v_step, count);
    }
    if constexpr (First) {
        unpack(sum, start);
    }
#pragma unroll
    for (int i = 0; i < Points; i++) {
        Arithmetic<Storage> weight;
        table.weight(k + i, weight);
#pragma unroll
        for (int j = 0; j < Count; j++) {
            sum[j] = fused_multiply_add(weight, value_at(velocity[i], j), sum[j]);
        }
    }
}

// x̂ of `Count` elements from `element` on, of which `count` exist.
template <bool Whole, class Storage, int Count>
__device__ __forceinline__ void quadrature(Arithmetic<Storage> (&sum)[Count], const QuadratureTable& table,
                                           long long element, long long count) {
    constexpr int Points = Whole ? 8 * PerLoad<Storage> / Count : 1;
    const QuadratureParameters& p = table.parameters;
    const Storage* x = static_cast<const Storage*>(p.x) + element;
    const Storage* v = static_cast<const Storage*>(p.v) + element;

    Vector<Storage, Count> start;
    load_some<Whole, QuadratureAccess<Storage, Count>>(start, x + table.start() * p.x_step, count);
    int k = 0;
    if (p.points >= Points) {
        add_points<Whole, true, Points>(sum, start, table, k, v, count);
        k = Points;
#pragma unroll 1
        for (; k + Points <= p.points; k += Points) {
            add_points<Whole, false, Points>(sum, start, table, k, v, count);
        }
    } else {
        unpack(sum, start);
    }
    if constexpr (Points > 4) {
        if (p.points - k >= 4) {
            add_points<Whole, false, 4>(sum, start, table, k, v, count);
            k += 4;
        }
    }
    if constexpr (Points > 2) {
        if (p.points - k >= 2) {
            add_points<Whole, false, 2>(sum, start, table, k, v, count);
            k += 2;
        }
    }
    if constexpr (Points > 1) {
        if (p.points - k >= 1) {
            add_points<Whole, false, 1>(sum, start, table, k, v, count);
        }
    }
}

// Whether every row of states, velocities and results starts at a multiple of 16 bytes.
template <class Storage>
__device__ __forceinline__ bool rows_are_aligned(const QuadratureParameters& p) {
    const unsigned long long strides = (p.elements | p.x_step | p.v_step) * sizeof(Storage);
    return is_multiple(bits_of(p.x) | bits_of(p.v) | bits_of(p.out) | strides, 16);
}
