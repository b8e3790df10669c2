// Which kernels there are. A kernel is named after its file and the type that its data are stored in, or the two types where it
// reads one and writes another; whoever compiles kernels/ and whoever launches them agree through this file.

namespace FlowBP.Kernels.Cuda;

/// <summary>Names of the CUDA kernels.</summary>
public static class CudaKernelNames
{
    /// <summary>Files of kernels/, without their ending, and the kernels that each has.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<string>> ByFile { get; } =
        new Dictionary<string, IReadOnlyList<string>>
        {
            ["replay"] = ["replay_bf16", "replay_f32", "replay_f64"],
            ["quadrature_residual"] =
            [
                "quadrature_residual_bf16",
                "quadrature_residual_f32",
                "quadrature_residual_f64",
            ],
            ["scale_cotangent"] =
            [
                "scale_cotangent_bf16",
                "scale_cotangent_f32",
                "scale_cotangent_f64",
                "scale_cotangent_f32_to_bf16",
                "scale_cotangent_bf16_to_f32",
            ],
            ["adamw_ema"] = ["adamw_ema_f32", "adamw_ema_f64"],
            ["squared_norm"] = ["squared_norm_bf16", "squared_norm_f32", "squared_norm_f64"],
            ["adaln_modulate"] = ["adaln_modulate_bf16", "adaln_modulate_f32"],
            ["gated_residual"] = ["gated_residual_bf16", "gated_residual_f32"],
            ["qk_norm_rope"] = ["qk_norm_rope_bf16", "qk_norm_rope_f32"],
            ["guided_euler_step"] =
            [
                "guided_euler_step_bf16",
                "guided_euler_step_f32",
                "guided_euler_step_f32_to_bf16",
                "guided_euler_step_bf16_to_f32",
            ],
        };

    /// <summary>The kernel of a family that reads one type and writes another, or has one for both.</summary>
    internal static string Of(string file, LatentType from, LatentType to) =>
        from == to ? $"{file}_{Suffix(from)}" : $"{file}_{Suffix(from)}_to_{Suffix(to)}";

    private static string Suffix(LatentType type) =>
        type switch
        {
            LatentType.BFloat16 => "bf16",
            LatentType.Float32 => "f32",
            _ => "f64",
        };
}
