// What follows the network in a step of the rollout, in one pass: classifier-free guidance v = v_neg + s·(v_cond − v_neg), each
// operation rounded as GuidedVelocityField rounds it; v rounded to storage; x_next = x + h·v from the rounded v, rounded once,
// as Rollout computes it. Both results go straight into the cache. Without a negative branch v is v_cond.
//
// A row of the network's output may belong to any sample, since samples may stop before others. Where the types differ in
// size, a vector has as many elements as 16 bytes of the larger type.
//
// Bytes per element: 2·network + 3·storage sizes. Operations per element: 5. Floor: memory. 8 samples of 16×64×64 bf16 are 5.2 MB:
// 1.1 µs at 4.8 TB/s, less than a launch takes; one by one the operations are seven launches.
#include "arithmetic.cuh"
#include "parameters.cuh"
#include "storage.cuh"

constexpr int EulerThreads = 256;

template <class Network, class Storage, int Count, bool Whole>
__device__ __forceinline__ void guided_euler_vector(const GuidedEulerStepParameters& p, long long element,
                                                    long long count) {
    const long long in_network = blockIdx.y * p.elements + element;
    const long long in_cache = p.row[blockIdx.y] * p.elements + element;
    Vector<Network, Count> conditional, negative;
    Vector<Storage, Count> state, result;
    load_some<Whole, Access::Streamed>(conditional, static_cast<const Network*>(p.conditional) + in_network, count);
    if (p.negative) {
        load_some<Whole, Access::Streamed>(negative, static_cast<const Network*>(p.negative) + in_network, count);
    }
    load_some<Whole, Access::Mutable>(state, static_cast<const Storage*>(p.x) + in_cache, count);

    float velocity[Count];
#pragma unroll
    for (int i = 0; i < Count; i++) {
        velocity[i] = value_at(conditional, i);
        if (p.negative) {
            const float difference = __fsub_rn(velocity[i], value_at(negative, i));
            velocity[i] = __fadd_rn(value_at(negative, i), __fmul_rn(difference, p.guidance));
        }
    }
    pack(result, velocity);
    store_some<Whole>(static_cast<Storage*>(p.v) + in_cache, result, count);
#pragma unroll
    for (int i = 0; i < Count; i++) {
        velocity[i] = fused_multiply_add(p.step, value_at(result, i), value_at(state, i));
    }
    pack(result, velocity);
    store_some<Whole>(static_cast<Storage*>(p.x_next) + in_cache, result, count);
}

template <class Network, class Storage>
__device__ __forceinline__ void guided_euler_step(const GuidedEulerStepParameters& p) {
    constexpr int Count = PerLoad<Network> < PerLoad<Storage> ? PerLoad<Network> : PerLoad<Storage>;
    const long long element = (static_cast<long long>(blockIdx.x) * EulerThreads + threadIdx.x) * Count;
    const long long count = p.elements - element;
    const bool aligned = is_multiple(bits_of(p.conditional) | bits_of(p.negative) | p.elements * sizeof(Network),
                                     Count * sizeof(Network)) &&
                         is_multiple(bits_of(p.x) | bits_of(p.v) | bits_of(p.x_next) | p.elements * sizeof(Storage),
                                     Count * sizeof(Storage));
    if (aligned && count >= Count) {
        guided_euler_vector<Network, Storage, Count, true>(p, element, count);
    } else if (count > 0) {
        guided_euler_vector<Network, Storage, Count, false>(p, element, count);
    }
}

// Grid: vectors of a sample / 256, rows of the network's output.
extern "C" __global__ void __launch_bounds__(EulerThreads, 4)
    guided_euler_step_bf16(const GuidedEulerStepParameters p) {
    guided_euler_step<Bf16, Bf16>(p);
}
extern "C" __global__ void __launch_bounds__(EulerThreads, 4) guided_euler_step_f32(const GuidedEulerStepParameters p) {
    guided_euler_step<float, float>(p);
}
extern "C" __global__ void __launch_bounds__(EulerThreads, 4)
    guided_euler_step_f32_to_bf16(const GuidedEulerStepParameters p) {
    guided_euler_step<float, Bf16>(p);
}
extern "C" __global__ void __launch_bounds__(EulerThreads, 4)
    guided_euler_step_bf16_to_f32(const GuidedEulerStepParameters p) {
    guided_euler_step<Bf16, float>(p);
}
