// Stable Diffusion 3 and 3.5 as published: one block holds a side for the image (x) and one for the text (context).

using FlowBP.Models.Original;

namespace FlowBP.Families.SD3;

/// <summary>The original names of Stable Diffusion 3 and 3.5.</summary>
internal static class SD3OriginalNames
{
    private const string Theirs = "joint_blocks.*.";
    private const string Ours = "transformer_blocks.*.";

    /// <summary>The table.</summary>
    public static OriginalNames Table { get; } =
        new()
        {
            Family = "Stable Diffusion 3",
            Signature = "joint_blocks.0.x_block.attn.qkv.weight",
            Layers =
            [
                new("x_embedder.proj", "pos_embed.proj"),
                new("context_embedder", "context_embedder"),
                new("t_embedder.mlp.0", "time_text_embed.timestep_embedder.linear_1"),
                new("t_embedder.mlp.2", "time_text_embed.timestep_embedder.linear_2"),
                new("y_embedder.mlp.0", "time_text_embed.text_embedder.linear_1"),
                new("y_embedder.mlp.2", "time_text_embed.text_embedder.linear_2"),
                new($"{Theirs}x_block.attn.qkv", [$"{Ours}attn.to_q", $"{Ours}attn.to_k", $"{Ours}attn.to_v"]),
                new($"{Theirs}x_block.attn.proj", $"{Ours}attn.to_out.0"),
                new($"{Theirs}x_block.attn2.qkv", [$"{Ours}attn2.to_q", $"{Ours}attn2.to_k", $"{Ours}attn2.to_v"]),
                new($"{Theirs}x_block.attn2.proj", $"{Ours}attn2.to_out.0"),
                new($"{Theirs}x_block.mlp.fc1", $"{Ours}ff.net.0.proj"),
                new($"{Theirs}x_block.mlp.fc2", $"{Ours}ff.net.2"),
                new($"{Theirs}x_block.adaLN_modulation.1", $"{Ours}norm1.linear"),
                new(
                    $"{Theirs}context_block.attn.qkv",
                    [$"{Ours}attn.add_q_proj", $"{Ours}attn.add_k_proj", $"{Ours}attn.add_v_proj"]
                ),
                new($"{Theirs}context_block.attn.proj", $"{Ours}attn.to_add_out"),
                new($"{Theirs}context_block.mlp.fc1", $"{Ours}ff_context.net.0.proj"),
                new($"{Theirs}context_block.mlp.fc2", $"{Ours}ff_context.net.2"),
                new(
                    $"{Theirs}context_block.adaLN_modulation.1",
                    $"{Ours}norm1_context.linear",
                    Halves.SwappedInLastBlock
                ),
                new("final_layer.linear", "proj_out"),
                new("final_layer.adaLN_modulation.1", "norm_out.linear", Halves.Swapped),
            ],
            AdapterLayers =
            [
                new($"{Ours}attn.to_qkv", [$"{Ours}attn.to_q", $"{Ours}attn.to_k", $"{Ours}attn.to_v"]),
                new($"{Ours}attn2.to_qkv", [$"{Ours}attn2.to_q", $"{Ours}attn2.to_k", $"{Ours}attn2.to_v"]),
                new(
                    $"{Ours}attn.to_added_qkv",
                    [$"{Ours}attn.add_q_proj", $"{Ours}attn.add_k_proj", $"{Ours}attn.add_v_proj"]
                ),
            ],
            Tensors =
            [
                ("pos_embed", "pos_embed.pos_embed"),
                ($"{Theirs}x_block.attn.ln_q.weight", $"{Ours}attn.norm_q.weight"),
                ($"{Theirs}x_block.attn.ln_k.weight", $"{Ours}attn.norm_k.weight"),
                ($"{Theirs}x_block.attn2.ln_q.weight", $"{Ours}attn2.norm_q.weight"),
                ($"{Theirs}x_block.attn2.ln_k.weight", $"{Ours}attn2.norm_k.weight"),
                ($"{Theirs}context_block.attn.ln_q.weight", $"{Ours}attn.norm_added_q.weight"),
                ($"{Theirs}context_block.attn.ln_k.weight", $"{Ours}attn.norm_added_k.weight"),
            ],
        };
}
