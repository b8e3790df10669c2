// The names that FLUX.1 and FLUX.2 share: those of their blocks, the attention of double-stream blocks, and the norms of queries
// and keys.

namespace FlowBP.Models.Original;

/// <summary>Rows of the tables of both FLUX families.</summary>
internal static class FluxBlockNames
{
    /// <summary>A double-stream block, as it was published.</summary>
    public const string TheirDouble = "double_blocks.*.";

    /// <summary>A single-stream block, as it was published.</summary>
    public const string TheirSingle = "single_blocks.*.";

    /// <summary>A double-stream block of this network.</summary>
    public const string OurDouble = "transformer_blocks.*.";

    /// <summary>A single-stream block of this network.</summary>
    public const string OurSingle = "single_transformer_blocks.*.";

    /// <summary>The attention of double-stream blocks.</summary>
    public static IReadOnlyList<OriginalLayer> Attention { get; } =
    [
        new($"{TheirDouble}img_attn.qkv", [$"{OurDouble}attn.to_q", $"{OurDouble}attn.to_k", $"{OurDouble}attn.to_v"]),
        new($"{TheirDouble}img_attn.proj", $"{OurDouble}attn.to_out.0"),
        new(
            $"{TheirDouble}txt_attn.qkv",
            [$"{OurDouble}attn.add_q_proj", $"{OurDouble}attn.add_k_proj", $"{OurDouble}attn.add_v_proj"]
        ),
        new($"{TheirDouble}txt_attn.proj", $"{OurDouble}attn.to_add_out"),
    ];

    /// <summary>Queries, keys and values of double-stream blocks, joined by diffusers' fuse_qkv_projections.</summary>
    public static IReadOnlyList<OriginalLayer> Joined { get; } =
    [
        new($"{OurDouble}attn.to_qkv", [$"{OurDouble}attn.to_q", $"{OurDouble}attn.to_k", $"{OurDouble}attn.to_v"]),
        new(
            $"{OurDouble}attn.to_added_qkv",
            [$"{OurDouble}attn.add_q_proj", $"{OurDouble}attn.add_k_proj", $"{OurDouble}attn.add_v_proj"]
        ),
    ];

    /// <summary>The norms of queries and keys.</summary>
    public static IReadOnlyList<(string Name, string Own)> Norms { get; } =
    [
        ($"{TheirDouble}img_attn.norm.query_norm.scale", $"{OurDouble}attn.norm_q.weight"),
        ($"{TheirDouble}img_attn.norm.key_norm.scale", $"{OurDouble}attn.norm_k.weight"),
        ($"{TheirDouble}txt_attn.norm.query_norm.scale", $"{OurDouble}attn.norm_added_q.weight"),
        ($"{TheirDouble}txt_attn.norm.key_norm.scale", $"{OurDouble}attn.norm_added_k.weight"),
        ($"{TheirSingle}norm.query_norm.scale", $"{OurSingle}attn.norm_q.weight"),
        ($"{TheirSingle}norm.key_norm.scale", $"{OurSingle}attn.norm_k.weight"),
    ];
}
