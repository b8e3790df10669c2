// One pass over every tensor: gradient × clip factor, AdamW, exponential moving average, bf16 copy. A launch carries a table of
// tensors; a thread block finds the one that its part belongs to by bisection. The arithmetic is that of AdamWEmaConstants,
// operation by operation, with roots and quotients rounded to nearest.
//
// Bytes per binary32 element: 20 read, 16 written, 2 more for the bf16 copy; a step of separate tensor operations moves three
// times as much. Operations per element: 14, among them a root and a quotient of some twenty instructions together.
// Floor: memory. 2·10⁹ parameters are 76 GB: 15.8 ms at 4.8 TB/s.
#include "arithmetic.cuh"
#include "parameters.cuh"
#include "storage.cuh"

constexpr int AdamWThreads = 256;
constexpr int AdamWBlockElements = 4096;

template <class T>
struct AdamWState {
    static constexpr int Count = PerLoad<T>;
    T parameter[Count], gradient[Count], exp_avg[Count], exp_avg_sq[Count], ema[Count];
};

template <class T>
__device__ __forceinline__ void update(AdamWState<T>& state, const AdamWEmaParameters& p) {
    const T gradient_factor = static_cast<T>(p.gradient_factor);
    const T one_minus_beta1 = static_cast<T>(p.one_minus_beta1);
    const T beta2 = static_cast<T>(p.beta2);
    const T one_minus_beta2 = static_cast<T>(p.one_minus_beta2);
    const T correction = static_cast<T>(p.second_moment_correction);
    const T epsilon = static_cast<T>(p.epsilon);
    const T minus_step_size = -static_cast<T>(p.step_size);
    const T parameter_decay = static_cast<T>(p.parameter_decay);
    const T one_minus_ema_decay = static_cast<T>(p.one_minus_ema_decay);
#pragma unroll
    for (int i = 0; i < AdamWState<T>::Count; i++) {
        const T g = state.gradient[i] * gradient_factor;
        const T m = fused_multiply_add(one_minus_beta1, g - state.exp_avg[i], state.exp_avg[i]);
        const T s = fused_multiply_add(one_minus_beta2 * g, g, beta2 * state.exp_avg_sq[i]);
        const T denominator = fused_multiply_add(square_root(s), correction, epsilon);
        const T parameter =
            fused_multiply_add(minus_step_size, quotient(m, denominator), state.parameter[i] * parameter_decay);
        state.exp_avg[i] = m;
        state.exp_avg_sq[i] = s;
        state.parameter[i] = parameter;
        state.ema[i] = fused_multiply_add(one_minus_ema_decay, parameter - state.ema[i], state.ema[i]);
    }
}

template <bool Whole, class T>
__device__ __forceinline__ void update_vector(const AdamWEmaParameters& p, const AdamWEmaEntry& tensor,
                                              long long element) {
    constexpr int Count = AdamWState<T>::Count;
    const long long count = tensor.count - element;
    T* parameter = static_cast<T*>(tensor.parameter) + element;
    T* exp_avg = static_cast<T*>(tensor.exp_avg) + element;
    T* exp_avg_sq = static_cast<T*>(tensor.exp_avg_sq) + element;
    T* ema = static_cast<T*>(tensor.ema) + element;
    Vector<T, Count> parameters, gradients, moments, squares, averages = {};
    load_some<Whole, Access::Mutable>(parameters, parameter, count);
    load_some<Whole, Access::Streamed>(gradients, static_cast<const T*>(tensor.gradient) + element, count);
    load_some<Whole, Access::Mutable>(moments, exp_avg, count);
    load_some<Whole, Access::Mutable>(squares, exp_avg_sq, count);
    if (tensor.ema) {
        load_some<Whole, Access::Mutable>(averages, ema, count);
    }

    AdamWState<T> state;
    unpack(state.parameter, parameters);
    unpack(state.gradient, gradients);
    unpack(state.exp_avg, moments);
    unpack(state.exp_avg_sq, squares);
    unpack(state.ema, averages);
    update(state, p);

    pack(parameters, state.parameter);
    pack(moments, state.exp_avg);
    pack(squares, state.exp_avg_sq);
    store_some<Whole>(parameter, parameters, count);
    store_some<Whole>(exp_avg, moments, count);
    store_some<Whole>(exp_avg_sq, squares, count);
    if (tensor.ema) {
        pack(averages, state.ema);
        store_some<Whole>(ema, averages, count);
    }
    if (tensor.bfloat16_copy) {
        float narrow[Count];
#pragma unroll
        for (int i = 0; i < Count; i++) {
            narrow[i] = static_cast<float>(state.parameter[i]);
        }
        Vector<Bf16, Count> copy;
        pack(copy, narrow);
        store_some<Whole>(static_cast<Bf16*>(tensor.bfloat16_copy) + element, copy, count);
    }
}

template <class T>
__device__ __forceinline__ void adamw_ema(const AdamWEmaParameters& p) {
    constexpr int Count = AdamWState<T>::Count;
    int low = 0;
    int high = static_cast<int>(p.entries);
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (p.entry[middle].first_block <= blockIdx.x) {
            low = middle;
        } else {
            high = middle;
        }
    }
    const AdamWEmaEntry tensor = p.entry[low];
    const bool aligned = is_multiple(bits_of(tensor.parameter) | bits_of(tensor.gradient) | bits_of(tensor.exp_avg) |
                                         bits_of(tensor.exp_avg_sq) | bits_of(tensor.ema),
                                     16) &&
                         is_multiple(bits_of(tensor.bfloat16_copy), Count * sizeof(Bf16));
    const long long block = (blockIdx.x - tensor.first_block) * AdamWBlockElements;
#pragma unroll 1
    for (int i = 0; i < AdamWBlockElements; i += AdamWThreads * Count) {
        const long long element = block + i + threadIdx.x * Count;
        if (aligned && element + Count <= tensor.count) {
            update_vector<true, T>(p, tensor, element);
        } else if (element < tensor.count) {
            update_vector<false, T>(p, tensor, element);
        }
    }
}

// Grid: the blocks of 4096 elements of all tensors of the launch.
extern "C" __global__ void __launch_bounds__(AdamWThreads, 3) adamw_ema_f32(const AdamWEmaParameters p) {
    adamw_ema<float>(p);
}
extern "C" __global__ void __launch_bounds__(AdamWThreads, 3) adamw_ema_f64(const AdamWEmaParameters p) {
    adamw_ema<double>(p);
}
