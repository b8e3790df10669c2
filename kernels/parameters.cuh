// The kernels' parameters. Each kernel takes one structure by value: a launch then needs no allocation and no copy for its
// tables of steps, weights and tensors, and can be captured in a graph. A launch carries at most 4096 bytes of parameters; what
// doesn't fit is split by the host. Their layout is fixed (fields of 8 bytes before those of 4) and mirrored in
// src/FlowBP.Kernels/Cuda/; a test compares both. Sizes and strides count elements. Letters: B samples, T steps, E elements
// of a sample's latent, K quadrature points, L tokens, D width, H heads.
#pragma once

// replay, quadrature_residual
struct QuadratureParameters {
    const void* x;       // states [T, B, E], at the launch's first sample
    const void* v;       // velocities [T, B, E], likewise
    void* out;           // x̂ [B, E], likewise; null: not wanted
    double* residual;    // [B], likewise
    double* partial;     // sums of blocks, for each sample of the launch
    unsigned* counter;   // arrivals, for each sample of the launch; zero between launches
    long long elements;  // E
    long long x_step;    // from one step to the next: the B·E of the whole cache
    long long v_step;
    long long partials_per_sample;
    long long counters_per_sample;
    int samples;  // of this launch
    int points;   // K
    // start[samples], target[samples], index[samples][K], weight[samples][K]; a binary32 weight takes one word, a binary64
    // one two words, the lower first.
    int table[1000];
};

// scale_cotangent
struct ScalingParameters {
    const void* g;  // [B, E], at the launch's first sample
    void* u;        // [B, E], likewise; may be g
    long long elements;
    double scale[508];  // one per sample
};

struct AdamWEmaEntry {
    void* parameter;
    const void* gradient;
    void* exp_avg;
    void* exp_avg_sq;
    void* ema;            // null: none
    void* bfloat16_copy;  // null: none
    long long count;
    long long first_block;  // of the launch
};

// adamw_ema; the numbers are binary64, but values of the parameters' type
struct AdamWEmaParameters {
    double gradient_factor;
    double one_minus_beta1;
    double beta2;
    double one_minus_beta2;
    double second_moment_correction;
    double epsilon;
    double step_size;
    double parameter_decay;
    double one_minus_ema_decay;
    long long entries;
    AdamWEmaEntry entry[62];
};

struct SquaredNormEntry {
    const void* gradient;
    long long count;
    long long first_span;  // of the launch
};

// squared_norm
struct SquaredNormParameters {
    double* partial;  // one per span
    long long entries;
    SquaredNormEntry entry[170];
};

// adaln_modulate
struct AdalnModulateParameters {
    const void* x;      // [B, L, D]
    const void* scale;  // [B, D], rows scale_stride apart
    const void* shift;  // [B, D], rows shift_stride apart
    void* out;          // [B, L, D]; may be x
    long long rows;     // B·L
    long long tokens;   // L
    long long width;    // D
    long long scale_stride;
    long long shift_stride;
    float epsilon;
    int reserved;
};

// gated_residual
struct GatedResidualParameters {
    const void* x;     // [B, L, D]
    const void* y;     // [B, L, D]
    const void* gate;  // [B, D], rows gate_stride apart
    void* out;         // [B, L, D]; may be x
    long long sample_elements;  // L·D
    long long width;            // D
    long long gate_stride;
};

// qk_norm_rope; the elements of a head lie side by side, everything else at strides
struct QkNormRopeParameters {
    const void* x;       // [B, L, H, width]
    const void* weight;  // [width]; null: ones
    const float* cosine;  // [L, width / 2]; null: no rotation
    const float* sine;    // likewise
    void* out;           // [B, L, H, width]; may be x
    long long tokens;
    long long x_sample_stride;
    long long x_token_stride;
    long long x_head_stride;
    long long out_sample_stride;
    long long out_token_stride;
    long long out_head_stride;
    int heads;
    int width;
    int threads_per_head;  // a power of two, up to 32
    float epsilon;
};

// guided_euler_step
struct GuidedEulerStepParameters {
    const void* conditional;  // network's output [n, E]
    const void* negative;     // likewise; null: no guidance
    const void* x;            // state [B, E]
    void* v;                  // velocity [B, E], in storage
    void* x_next;             // next state [B, E]; may be x
    long long elements;       // E
    float guidance;           // s
    float step;               // h
    int row[1008];            // sample that each row of the network's output belongs to
};
