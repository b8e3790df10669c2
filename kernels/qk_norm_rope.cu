// Queries or keys in front of attention: each head is divided by its root mean square and multiplied by a weight, then pairs
// of neighbouring elements are rotated by the angles of their token. Source and result have strides of their own, so that
// image and text can be written side by side into the buffer that attention reads, without a concatenation.
//
// As many threads as a head has vectors of 16 bytes share it. A thread takes the same part of a head of four tokens, and
// requests all four before it uses the first.
//
// Bytes per element: 2·size; the tables of 4 bytes per element of a token are shared by its heads. Operations per element: 4
// fused multiply-adds or multiplications, conversions of bf16. Floor: memory; queries of 8 samples × 4096 tokens × 24 heads of
// 64 bf16 are 201 MB: 42 µs at 4.8 TB/s.
#include "parameters.cuh"
#include "row_sums.cuh"
#include "storage.cuh"

constexpr int MaxQkThreads = 256;
constexpr int TokensPerQkThread = 4;

template <class Storage>
struct QkNormRope {
    static constexpr int Count = PerLoad<Storage>;
    const QkNormRopeParameters& p;
    int lane;  // in [0, threads_per_head)
    float reciprocal_width;

    static __device__ __forceinline__ void add_squares(float& sum, const Vector<Storage, Count>& vector) {
#pragma unroll
        for (int i = 0; i < Count; i++) {
            sum = fused_multiply_add(value_at(vector, i), value_at(vector, i), sum);
        }
    }

    __device__ __forceinline__ float inverse_root(float squares) const {
        return reciprocal_root(sum_of_lanes(squares, p.threads_per_head), reciprocal_width, p.epsilon);
    }

    template <bool Whole>
    __device__ __forceinline__ void write(const Vector<Storage, Count>& vector, float inverse_root, long long token,
                                          Storage* head, int element) const {
        const int count = p.width - element;
        float value[Count];
#pragma unroll
        for (int i = 0; i < Count; i++) {
            value[i] = value_at(vector, i) * inverse_root;
        }
        if (p.weight) {
            Vector<Storage, Count> weight;
            load_some<Whole, Access::Cached>(weight, static_cast<const Storage*>(p.weight) + element, count);
#pragma unroll
            for (int i = 0; i < Count; i++) {
                value[i] *= value_at(weight, i);
            }
        }
        if (p.cosine) {
            Vector<float, Count / 2> cosine, sine;
            const long long angle = token * (p.width / 2) + element / 2;
            load_some<Whole, Access::Cached>(cosine, p.cosine + angle, count / 2);
            load_some<Whole, Access::Cached>(sine, p.sine + angle, count / 2);
#pragma unroll
            for (int i = 0; i < Count; i += 2) {
                const float even = value[i], odd = value[i + 1];
                const float c = value_at(cosine, i / 2), s = value_at(sine, i / 2);
                value[i] = fused_multiply_add(-odd, s, even * c);
                value[i + 1] = fused_multiply_add(even, s, odd * c);
            }
        }
        Vector<Storage, Count> result;
        pack(result, value);
        store_some<Whole>(head + element, result, count);
    }

    // Four tokens of a head whose vectors each have a thread; all threads of the warp come here, also those without one.
    __device__ __forceinline__ void run_together(const Storage* x, Storage* out, long long token, bool exists) const {
        const int element = lane * Count;
        Vector<Storage, Count> vector[TokensPerQkThread] = {};
        // One branch around all loads: between branches the compiler would begin to use what it has.
        if (exists && element < p.width) {
#pragma unroll
            for (int t = 0; t < TokensPerQkThread; t++) {
                load<Access::Mutable>(vector[t], x + (token + t) * p.x_token_stride + element);
            }
        }
        float root[TokensPerQkThread];
#pragma unroll
        for (int t = 0; t < TokensPerQkThread; t++) {
            float squares = 0;
            add_squares(squares, vector[t]);
            root[t] = inverse_root(squares);
        }
        if (exists && element < p.width) {
#pragma unroll
            for (int t = 0; t < TokensPerQkThread; t++) {
                write<true>(vector[t], root[t], token + t, out + (token + t) * p.out_token_stride, element);
            }
        }
    }

    // One token of any head; its elements are read twice.
    template <bool Whole>
    __device__ __forceinline__ void run_alone(const Storage* x, Storage* out, long long token, bool exists) const {
        x += token * p.x_token_stride;
        out += token * p.out_token_stride;
        const int step = p.threads_per_head * Count;
        const int end = exists ? p.width : 0;
        float squares = 0;
#pragma unroll 1
        for (int element = lane * Count; element < end; element += step) {
            Vector<Storage, Count> vector;
            load_some<Whole, Access::Mutable>(vector, x + element, end - element);
            add_squares(squares, vector);
        }
        const float root = inverse_root(squares);
#pragma unroll 1
        for (int element = lane * Count; element < end; element += step) {
            Vector<Storage, Count> vector;
            load_some<Whole, Access::Mutable>(vector, x + element, end - element);
            write<Whole>(vector, root, token, out, element);
        }
    }
};

template <class Storage>
__device__ __forceinline__ void qk_norm_rope(const QkNormRopeParameters& p) {
    const unsigned long long strides = p.x_sample_stride | p.x_token_stride | p.x_head_stride | p.out_sample_stride |
                                       p.out_token_stride | p.out_head_stride | p.width;
    const bool aligned =
        is_multiple(bits_of(p.x) | bits_of(p.out) | bits_of(p.weight) | strides * sizeof(Storage), 16) &&
        is_multiple(bits_of(p.cosine) | bits_of(p.sine), PerLoad<Storage> / 2 * sizeof(float));
    const long long first_token = static_cast<long long>(blockIdx.x) * TokensPerQkThread;
    const int tokens = static_cast<int>(min(static_cast<long long>(TokensPerQkThread), p.tokens - first_token));
    const bool together =
        aligned && tokens == TokensPerQkThread && p.width <= p.threads_per_head * PerLoad<Storage>;
    const QkNormRope<Storage> part = {p, static_cast<int>(threadIdx.x % p.threads_per_head),
                                      __frcp_rn(static_cast<float>(p.width))};
    const int heads = blockDim.x / p.threads_per_head;
#pragma unroll 1
    for (int first_head = 0; first_head < p.heads; first_head += heads) {
        const int head = first_head + threadIdx.x / p.threads_per_head;
        const bool exists = head < p.heads;
        const Storage* x = static_cast<const Storage*>(p.x) + blockIdx.y * p.x_sample_stride + head * p.x_head_stride;
        Storage* out = static_cast<Storage*>(p.out) + blockIdx.y * p.out_sample_stride + head * p.out_head_stride;
        if (together) {
            part.run_together(x, out, first_token, exists);
            continue;
        }
#pragma unroll 1
        for (int t = 0; t < tokens; t++) {
            if (aligned) {
                part.template run_alone<true>(x, out, first_token + t, exists);
            } else {
                part.template run_alone<false>(x, out, first_token + t, exists);
            }
        }
    }
}

// Grid: tokens / 4, samples. Block: warps, at most 8; best as many as the heads fill in a whole number of rounds.
extern "C" __global__ void __launch_bounds__(MaxQkThreads, 3) qk_norm_rope_bf16(const QkNormRopeParameters p) {
    qk_norm_rope<Bf16>(p);
}
extern "C" __global__ void __launch_bounds__(MaxQkThreads, 3) qk_norm_rope_f32(const QkNormRopeParameters p) {
    qk_norm_rope<float>(p);
}
