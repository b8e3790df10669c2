// Distance of a replay to a cached state: residual[b] = mean |x[target[b], b] − x̂[b]|, x̂ as in replay.cu but not rounded, and
// written only if wanted. |·| is formed in the type of arithmetic, summed in binary64 in the order of ReductionOrder.
//
// A thread owns an octet, a warp a block of 256 elements, whose sum it leaves in memory. The last of the 32 thread blocks
// that share a group of 256 such sums adds them up; where a sample has several groups, the last thread block to finish a
// group adds up the groups, and so on. No second launch, no float atomics: the order is fixed, only the place is not.
//
// Bytes per element: (K + 2)·size, one size more if x̂ is wanted. Operations per element: K fused multiply-adds, K + 2
// unpackings of bf16, one difference, one conversion to binary64, one addition. Floor: memory; 8 samples of 16×64×64 bf16
// with K = 5 are 7.3 MB: 1.5 µs at 4.8 TB/s.
#include "quadrature.cuh"
#include "reduction.cuh"

constexpr int ResidualThreads = 256;
constexpr int WarpsPerResidual = ResidualThreads / WarpThreads;
constexpr int ArrivalsPerGroup = BlockElements / WarpsPerResidual;

// x̂ and the distances of an octet; elements that don't exist have distance zero.
template <class Storage, bool Whole>
__device__ __forceinline__ void octet_distances(double (&distance)[OctetElements], const QuadratureParameters& p,
                                                long long element, long long count) {
    const QuadratureTable table = {p, static_cast<int>(blockIdx.y)};
    element += blockIdx.y * p.elements;
    Vector<Storage, OctetElements> target;
    load_some<Whole, QuadratureAccess<Storage, OctetElements>>(
        target, static_cast<const Storage*>(p.x) + table.target() * p.x_step + element, count);
    Arithmetic<Storage> sum[OctetElements];
    quadrature<Whole, Storage>(sum, table, element, count);
#pragma unroll
    for (int i = 0; i < OctetElements; i++) {
        distance[i] = Whole || i < count ? static_cast<double>(magnitude(value_at(target, i) - sum[i])) : 0.0;
    }
    if (p.out) {
        Vector<Storage, OctetElements> result;
        pack(result, sum);
        store_some<Whole>(static_cast<Storage*>(p.out) + element, result, count);
    }
}

// Adds up the sums of blocks, level by level, as far as this warp is the last to arrive.
__device__ __forceinline__ void reduce_sample(const QuadratureParameters& p) {
    const bool first_thread = threadIdx.x == 0;
    double* partial = p.partial + blockIdx.y * p.partials_per_sample;
    unsigned* counter = p.counter + blockIdx.y * p.counters_per_sample;
    long long count = quotient_rounded_up(p.elements, BlockElements);
    long long group = blockIdx.x / ArrivalsPerGroup;
    long long arrivals = min(static_cast<long long>(ArrivalsPerGroup), gridDim.x - group * ArrivalsPerGroup);
    for (;;) {
        bool last = false;
        if (first_thread) {
            last = arrives_last(counter + group, static_cast<unsigned>(arrivals));
        }
        // What the first thread may now read, its warp may.
        __syncwarp();
        if (__shfl_sync(AllThreads, static_cast<int>(last), 0) == 0) {
            return;
        }
        const double sum = sum_of_partials(partial + group * BlockElements, count - group * BlockElements);
        const long long groups = quotient_rounded_up(count, BlockElements);
        if (groups == 1) {
            if (first_thread) {
                p.residual[blockIdx.y] = quotient(sum, static_cast<double>(p.elements));
            }
            return;
        }
        partial += count;
        counter += groups;
        if (first_thread) {
            partial[group] = sum;
        }
        count = groups;
        group /= BlockElements;
        arrivals = min(static_cast<long long>(BlockElements), count - group * BlockElements);
    }
}

template <class Storage>
__device__ __forceinline__ void quadrature_residual(const QuadratureParameters& p) {
    const long long block = static_cast<long long>(blockIdx.x) * WarpsPerResidual + threadIdx.x / WarpThreads;
    const long long element = block * BlockElements + threadIdx.x % WarpThreads * OctetElements;
    const long long count = p.elements - element;
    double distance[OctetElements] = {};
    if (count >= OctetElements && rows_are_aligned<Storage>(p)) {
        octet_distances<Storage, true>(distance, p, element, count);
    } else if (count > 0) {
        octet_distances<Storage, false>(distance, p, element, count);
    }
    const double sum = sum_of_warp(sum_of_octet(distance));
    if (threadIdx.x % WarpThreads == 0 && block * BlockElements < p.elements) {
        p.partial[blockIdx.y * p.partials_per_sample + block] = sum;
    }
    __syncthreads();
    if (threadIdx.x < WarpThreads) {
        reduce_sample(p);
    }
}

// Grid: blocks of a sample / 8, samples.
extern "C" __global__ void __launch_bounds__(ResidualThreads, 3) quadrature_residual_bf16(const QuadratureParameters p) {
    quadrature_residual<Bf16>(p);
}
extern "C" __global__ void __launch_bounds__(ResidualThreads, 3) quadrature_residual_f32(const QuadratureParameters p) {
    quadrature_residual<float>(p);
}
extern "C" __global__ void __launch_bounds__(ResidualThreads, 3) quadrature_residual_f64(const QuadratureParameters p) {
    quadrature_residual<double>(p);
}
