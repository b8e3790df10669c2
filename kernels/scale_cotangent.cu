// The cotangent of an active step: u[b] = scale[b] · g[b], with the cast to the velocities' type in the same pass. u may be g.
// A thread requests four vectors before it uses the first. Where the types differ in size, a vector has as many elements as 16
// bytes of the larger type, so that neighbouring threads always touch neighbouring bytes.
//
// Bytes per element: both sizes. Operations per element: one multiplication, the conversions of bf16.
// Floor: memory. 8 samples of 16×64×64 bf16 are 2.1 MB: 0.4 µs at 4.8 TB/s, less than a launch takes.
#include "parameters.cuh"
#include "storage.cuh"

constexpr int ScalingThreads = 256;
constexpr int VectorsPerScalingThread = 4;

template <class Source, class Destination>
constexpr int ScalingCount = PerLoad<Source> < PerLoad<Destination> ? PerLoad<Source> : PerLoad<Destination>;

template <class Source, class Destination>
struct Scaling {
    static constexpr int Count = ScalingCount<Source, Destination>;
    const Source* g;
    Destination* u;
    Arithmetic<Source> scale;

    __device__ __forceinline__ Vector<Destination, Count> scaled(const Vector<Source, Count>& from) const {
        Arithmetic<Source> value[Count];
#pragma unroll
        for (int i = 0; i < Count; i++) {
            value[i] = scale * value_at(from, i);
        }
        Vector<Destination, Count> to;
        pack(to, value);
        return to;
    }

    template <bool Whole>
    __device__ __forceinline__ void scale_vector(long long element, long long count) const {
        Vector<Source, Count> from;
        load_some<Whole, Access::Mutable>(from, g + element, count);
        store_some<Whole>(u + element, scaled(from), count);
    }
};

template <class Source, class Destination>
__device__ __forceinline__ void scale_cotangent(const ScalingParameters& p) {
    constexpr int Count = ScalingCount<Source, Destination>;
    constexpr int Stride = ScalingThreads * Count;
    const long long row = blockIdx.y * p.elements;
    const Scaling<Source, Destination> scaling = {static_cast<const Source*>(p.g) + row,
                                                  static_cast<Destination*>(p.u) + row,
                                                  static_cast<Arithmetic<Source>>(p.scale[blockIdx.y])};
    const bool aligned = is_multiple(bits_of(p.g) | p.elements * sizeof(Source), Count * sizeof(Source)) &&
                         is_multiple(bits_of(p.u) | p.elements * sizeof(Destination), Count * sizeof(Destination));
    const long long first = static_cast<long long>(blockIdx.x) * (VectorsPerScalingThread * Stride) + threadIdx.x * Count;
    if (aligned && first + (VectorsPerScalingThread - 1) * Stride + Count <= p.elements) {
        Vector<Source, Count> from[VectorsPerScalingThread];
#pragma unroll
        for (int i = 0; i < VectorsPerScalingThread; i++) {
            load<Access::Mutable>(from[i], scaling.g + first + i * Stride);
        }
#pragma unroll
        for (int i = 0; i < VectorsPerScalingThread; i++) {
            store(scaling.u + first + i * Stride, scaling.scaled(from[i]));
        }
        return;
    }
#pragma unroll 1
    for (int i = 0; i < VectorsPerScalingThread; i++) {
        const long long element = first + i * Stride;
        const long long count = p.elements - element;
        if (aligned && count >= Count) {
            scaling.template scale_vector<true>(element, count);
        } else if (count > 0) {
            scaling.template scale_vector<false>(element, count);
        }
    }
}

// Grid: vectors of a sample / 1024, samples.
extern "C" __global__ void __launch_bounds__(ScalingThreads) scale_cotangent_bf16(const ScalingParameters p) {
    scale_cotangent<Bf16, Bf16>(p);
}
extern "C" __global__ void __launch_bounds__(ScalingThreads) scale_cotangent_f32(const ScalingParameters p) {
    scale_cotangent<float, float>(p);
}
extern "C" __global__ void __launch_bounds__(ScalingThreads) scale_cotangent_f64(const ScalingParameters p) {
    scale_cotangent<double, double>(p);
}
extern "C" __global__ void __launch_bounds__(ScalingThreads) scale_cotangent_f32_to_bf16(const ScalingParameters p) {
    scale_cotangent<float, Bf16>(p);
}
extern "C" __global__ void __launch_bounds__(ScalingThreads) scale_cotangent_bf16_to_f32(const ScalingParameters p) {
    scale_cotangent<Bf16, float>(p);
}
