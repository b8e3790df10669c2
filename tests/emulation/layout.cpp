// Where the fields of the kernels' parameters lie, for the test that compares them with their mirrors in C#.
#include <cstddef>
#include <cstdio>
#include <string>

#include "../../kernels/parameters.cuh"

#define STRUCT(Type) text += std::string(#Type) + " " + std::to_string(sizeof(Type)) + "\n"
#define FIELD(Type, field) \
    text += std::string(#Type "." #field " ") + std::to_string(offsetof(Type, field)) + "\n"

static std::string layout() {
    std::string text;
    STRUCT(QuadratureParameters);
    FIELD(QuadratureParameters, x);
    FIELD(QuadratureParameters, v);
    FIELD(QuadratureParameters, out);
    FIELD(QuadratureParameters, residual);
    FIELD(QuadratureParameters, partial);
    FIELD(QuadratureParameters, counter);
    FIELD(QuadratureParameters, elements);
    FIELD(QuadratureParameters, x_step);
    FIELD(QuadratureParameters, v_step);
    FIELD(QuadratureParameters, partials_per_sample);
    FIELD(QuadratureParameters, counters_per_sample);
    FIELD(QuadratureParameters, samples);
    FIELD(QuadratureParameters, points);
    FIELD(QuadratureParameters, table);

    STRUCT(ScalingParameters);
    FIELD(ScalingParameters, g);
    FIELD(ScalingParameters, u);
    FIELD(ScalingParameters, elements);
    FIELD(ScalingParameters, scale);

    STRUCT(AdamWEmaEntry);
    FIELD(AdamWEmaEntry, parameter);
    FIELD(AdamWEmaEntry, gradient);
    FIELD(AdamWEmaEntry, exp_avg);
    FIELD(AdamWEmaEntry, exp_avg_sq);
    FIELD(AdamWEmaEntry, ema);
    FIELD(AdamWEmaEntry, bfloat16_copy);
    FIELD(AdamWEmaEntry, count);
    FIELD(AdamWEmaEntry, first_block);

    STRUCT(AdamWEmaParameters);
    FIELD(AdamWEmaParameters, gradient_factor);
    FIELD(AdamWEmaParameters, one_minus_beta1);
    FIELD(AdamWEmaParameters, beta2);
    FIELD(AdamWEmaParameters, one_minus_beta2);
    FIELD(AdamWEmaParameters, second_moment_correction);
    FIELD(AdamWEmaParameters, epsilon);
    FIELD(AdamWEmaParameters, step_size);
    FIELD(AdamWEmaParameters, parameter_decay);
    FIELD(AdamWEmaParameters, one_minus_ema_decay);
    FIELD(AdamWEmaParameters, entries);
    FIELD(AdamWEmaParameters, entry);

    STRUCT(SquaredNormEntry);
    FIELD(SquaredNormEntry, gradient);
    FIELD(SquaredNormEntry, count);
    FIELD(SquaredNormEntry, first_span);

    STRUCT(SquaredNormParameters);
    FIELD(SquaredNormParameters, partial);
    FIELD(SquaredNormParameters, entries);
    FIELD(SquaredNormParameters, entry);

    STRUCT(AdalnModulateParameters);
    FIELD(AdalnModulateParameters, x);
    FIELD(AdalnModulateParameters, scale);
    FIELD(AdalnModulateParameters, shift);
    FIELD(AdalnModulateParameters, out);
    FIELD(AdalnModulateParameters, rows);
    FIELD(AdalnModulateParameters, tokens);
    FIELD(AdalnModulateParameters, width);
    FIELD(AdalnModulateParameters, scale_stride);
    FIELD(AdalnModulateParameters, shift_stride);
    FIELD(AdalnModulateParameters, epsilon);
    FIELD(AdalnModulateParameters, reserved);

    STRUCT(GatedResidualParameters);
    FIELD(GatedResidualParameters, x);
    FIELD(GatedResidualParameters, y);
    FIELD(GatedResidualParameters, gate);
    FIELD(GatedResidualParameters, out);
    FIELD(GatedResidualParameters, sample_elements);
    FIELD(GatedResidualParameters, width);
    FIELD(GatedResidualParameters, gate_stride);

    STRUCT(QkNormRopeParameters);
    FIELD(QkNormRopeParameters, x);
    FIELD(QkNormRopeParameters, weight);
    FIELD(QkNormRopeParameters, cosine);
    FIELD(QkNormRopeParameters, sine);
    FIELD(QkNormRopeParameters, out);
    FIELD(QkNormRopeParameters, tokens);
    FIELD(QkNormRopeParameters, x_sample_stride);
    FIELD(QkNormRopeParameters, x_token_stride);
    FIELD(QkNormRopeParameters, x_head_stride);
    FIELD(QkNormRopeParameters, out_sample_stride);
    FIELD(QkNormRopeParameters, out_token_stride);
    FIELD(QkNormRopeParameters, out_head_stride);
    FIELD(QkNormRopeParameters, heads);
    FIELD(QkNormRopeParameters, width);
    FIELD(QkNormRopeParameters, threads_per_head);
    FIELD(QkNormRopeParameters, epsilon);

    STRUCT(GuidedEulerStepParameters);
    FIELD(GuidedEulerStepParameters, conditional);
    FIELD(GuidedEulerStepParameters, negative);
    FIELD(GuidedEulerStepParameters, x);
    FIELD(GuidedEulerStepParameters, v);
    FIELD(GuidedEulerStepParameters, x_next);
    FIELD(GuidedEulerStepParameters, elements);
    FIELD(GuidedEulerStepParameters, guidance);
    FIELD(GuidedEulerStepParameters, step);
    FIELD(GuidedEulerStepParameters, row);
    return text;
}

// Lines "Struct size" and "Struct.field offset".
extern "C" const char* emulation_layout() {
    static const std::string text = layout();
    return text.c_str();
}
