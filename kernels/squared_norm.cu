// The sum of squares of every gradient, in binary64 and in the order of ReductionOrder: one read, one number per span of 65536
// elements (256 blocks of 256), which the host adds up. The square of a binary32 is exact in binary64, so a sum is finite
// exactly when every element is.
//
// A warp takes 32 blocks of its thread block's span, several at a time: their loads are in flight together, and their sums
// over the warp share the shuffles.
//
// Bytes per element: its size. Operations per element: an unpacking of bf16, a conversion to binary64 (the slowest: 16 per
// cycle and multiprocessor, while memory brings 10 bf16), a multiplication, an addition. Floor: memory; 2·10⁹ binary32
// gradients are 8 GB: 1.7 ms at 4.8 TB/s.
#include "parameters.cuh"
#include "reduction.cuh"
#include "storage.cuh"

constexpr int NormThreads = 256;
constexpr int WarpsPerNorm = NormThreads / WarpThreads;
constexpr int BlocksPerSpan = BlockElements;
constexpr int BlocksPerWarp = BlocksPerSpan / WarpsPerNorm;
constexpr long long SpanElements = BlocksPerSpan * static_cast<long long>(BlockElements);

template <class Storage>
__device__ __forceinline__ double squares_of_octet(const Vector<Storage, OctetElements>& octet) {
    double square[OctetElements];
#pragma unroll
    for (int i = 0; i < OctetElements; i++) {
        const double value = value_at(octet, i);
        square[i] = value * value;
    }
    return sum_of_octet(square);
}

template <class Storage>
__device__ __forceinline__ void squared_norm(const SquaredNormParameters& p) {
    constexpr int LoadsPerOctet = OctetElements / PerLoad<Storage>;
    constexpr int Blocks = 8 / LoadsPerOctet;
    constexpr Access access = LoadsPerOctet == 1 ? Access::Streamed : Access::Cached;
    SHARED_ARRAY(double, block_sum, BlocksPerSpan);

    int low = 0;
    int high = static_cast<int>(p.entries);
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (p.entry[middle].first_span <= blockIdx.x) {
            low = middle;
        } else {
            high = middle;
        }
    }
    const Storage* gradient = static_cast<const Storage*>(p.entry[low].gradient);
    const bool aligned = is_multiple(bits_of(gradient), 16);
    const int lane = threadIdx.x % WarpThreads;
    const int first_block = threadIdx.x / WarpThreads * BlocksPerWarp;
    const long long first =
        (blockIdx.x - p.entry[low].first_span) * SpanElements + first_block * BlockElements + lane * OctetElements;
    const long long count = p.entry[low].count - first;

#pragma unroll 1
    for (int block = 0; block < BlocksPerWarp; block += Blocks) {
        const long long element = static_cast<long long>(block) * BlockElements;
        // The same for all threads of the warp: the last one's octet of the last block must exist.
        const long long warp_count = count + (lane - (WarpThreads - 1)) * OctetElements;
        if (aligned && element + (Blocks - 1) * BlockElements + OctetElements <= warp_count) {
            Vector<Storage, OctetElements> octet[Blocks];
#pragma unroll
            for (int i = 0; i < Blocks; i++) {
                load<access>(octet[i], gradient + first + element + i * BlockElements);
            }
            double sum[Blocks];
#pragma unroll
            for (int i = 0; i < Blocks; i++) {
                sum[i] = squares_of_octet(octet[i]);
            }
            const double mine = sums_of_warp(sum);
            if (lane % (WarpThreads / Blocks) == 0) {
                block_sum[first_block + block + lane / (WarpThreads / Blocks)] = mine;
            }
        } else {
#pragma unroll 1
            for (int i = 0; i < Blocks; i++) {
                Vector<Storage, OctetElements> octet;
                const long long offset = element + i * BlockElements;
                load_elements(octet, gradient + first + offset, count - offset);
                const double sum = sum_of_warp(squares_of_octet(octet));
                if (lane == 0) {
                    block_sum[first_block + block + i] = sum;
                }
            }
        }
    }
    __syncthreads();
    if (threadIdx.x < WarpThreads) {
        const double sum = sum_of_partials(block_sum, BlocksPerSpan);
        if (threadIdx.x == 0) {
            p.partial[blockIdx.x] = sum;
        }
    }
}

// Grid: the spans of all gradients of the launch.
extern "C" __global__ void __launch_bounds__(NormThreads, 3) squared_norm_bf16(const SquaredNormParameters p) {
    squared_norm<Bf16>(p);
}
extern "C" __global__ void __launch_bounds__(NormThreads, 3) squared_norm_f32(const SquaredNormParameters p) {
    squared_norm<float>(p);
}
extern "C" __global__ void __launch_bounds__(NormThreads, 3) squared_norm_f64(const SquaredNormParameters p) {
    squared_norm<double>(p);
}
