// Replays a quadrature from a cached state: out[b] = x[start[b], b] + Σ_k weight[b,k] · v[index[b,k], b], one latent written
// for K + 1 read. A thread owns one 16-byte vector of the result.
//
// Bytes per element: (K + 2)·size. Operations per element: K fused multiply-adds and, for bf16, K + 1 unpackings and a rounding.
// Floor: memory. 8 samples of 16×64×64 bf16 over K = 25 steps are 28 MB: 5.9 µs at the 4.8 TB/s of an H200.
#include "quadrature.cuh"

constexpr int ReplayThreads = 256;

template <class Storage, int Count, bool Whole>
__device__ __forceinline__ void replay_vector(const QuadratureParameters& p, long long element, long long count) {
    const QuadratureTable table = {p, static_cast<int>(blockIdx.y)};
    element += blockIdx.y * p.elements;
    Arithmetic<Storage> sum[Count];
    quadrature<Whole, Storage>(sum, table, element, count);
    Vector<Storage, Count> result;
    pack(result, sum);
    store_some<Whole>(static_cast<Storage*>(p.out) + element, result, count);
}

template <class Storage>
__device__ __forceinline__ void replay(const QuadratureParameters& p) {
    constexpr int Count = PerLoad<Storage>;
    const long long element = (static_cast<long long>(blockIdx.x) * ReplayThreads + threadIdx.x) * Count;
    const long long count = p.elements - element;
    if (count >= Count && rows_are_aligned<Storage>(p)) {
        replay_vector<Storage, Count, true>(p, element, count);
    } else if (count > 0) {
        replay_vector<Storage, Count, false>(p, element, count);
    }
}

// Grid: vectors of a sample / 256, samples.
extern "C" __global__ void __launch_bounds__(ReplayThreads, 4) replay_bf16(const QuadratureParameters p) {
    replay<Bf16>(p);
}
extern "C" __global__ void __launch_bounds__(ReplayThreads, 4) replay_f32(const QuadratureParameters p) {
    replay<float>(p);
}
extern "C" __global__ void __launch_bounds__(ReplayThreads, 4) replay_f64(const QuadratureParameters p) {
    replay<double>(p);
}
