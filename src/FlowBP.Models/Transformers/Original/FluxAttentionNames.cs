// The names that FLUX.1 and FLUX.2 share: the attention of double-stream blocks, and the norms of queries and keys.

namespace FlowBP.Models.Transformers.Original;

/// <summary>Rows of the tables of both FLUX families.</summary>
internal static class FluxAttentionNames
{
    /// <summary>The attention of double-stream blocks.</summary>
    /// <param name="theirs">What the original names of a block begin with.</param>
    /// <param name="ours">What this network's begin with.</param>
    public static IEnumerable<OriginalLayer> Of(string theirs, string ours) =>
        [
            new($"{theirs}img_attn.qkv", [$"{ours}attn.to_q", $"{ours}attn.to_k", $"{ours}attn.to_v"]),
            new($"{theirs}img_attn.proj", $"{ours}attn.to_out.0"),
            new(
                $"{theirs}txt_attn.qkv",
                [$"{ours}attn.add_q_proj", $"{ours}attn.add_k_proj", $"{ours}attn.add_v_proj"]
            ),
            new($"{theirs}txt_attn.proj", $"{ours}attn.to_add_out"),
        ];

    /// <summary>The norms of queries and keys.</summary>
    public static IReadOnlyList<(string Name, string Own)> Norms(
        string theirDouble,
        string ourDouble,
        string theirSingle,
        string ourSingle
    ) =>
        [
            ($"{theirDouble}img_attn.norm.query_norm.scale", $"{ourDouble}attn.norm_q.weight"),
            ($"{theirDouble}img_attn.norm.key_norm.scale", $"{ourDouble}attn.norm_k.weight"),
            ($"{theirDouble}txt_attn.norm.query_norm.scale", $"{ourDouble}attn.norm_added_q.weight"),
            ($"{theirDouble}txt_attn.norm.key_norm.scale", $"{ourDouble}attn.norm_added_k.weight"),
            ($"{theirSingle}norm.query_norm.scale", $"{ourSingle}attn.norm_q.weight"),
            ($"{theirSingle}norm.key_norm.scale", $"{ourSingle}attn.norm_k.weight"),
        ];
}
