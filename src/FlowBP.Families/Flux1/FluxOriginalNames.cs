// FLUX.1 as Black Forest Labs published it. In a single-stream block attention and the MLP's first half are one layer, linear1.
// XLabs' trainer puts its factors into processors of the original blocks; in a single-stream block they change what linear1 gives for
// queries, keys and values alone.

using FlowBP.Models.Original;
using static FlowBP.Models.Original.FluxBlockNames;

namespace FlowBP.Families.Flux1;

/// <summary>The original names of FLUX.1.</summary>
internal static class FluxOriginalNames
{
    /// <summary>The table.</summary>
    public static OriginalNames Table { get; } =
        new()
        {
            Family = "FLUX.1",
            Signature = "double_blocks.0.img_mod.lin.weight",
            Layers =
            [
                new("img_in", "x_embedder"),
                new("txt_in", "context_embedder"),
                new("time_in.in_layer", "time_text_embed.timestep_embedder.linear_1"),
                new("time_in.out_layer", "time_text_embed.timestep_embedder.linear_2"),
                new("vector_in.in_layer", "time_text_embed.text_embedder.linear_1"),
                new("vector_in.out_layer", "time_text_embed.text_embedder.linear_2"),
                new("guidance_in.in_layer", "time_text_embed.guidance_embedder.linear_1"),
                new("guidance_in.out_layer", "time_text_embed.guidance_embedder.linear_2"),
                new($"{TheirDouble}img_mod.lin", $"{OurDouble}norm1.linear"),
                new($"{TheirDouble}txt_mod.lin", $"{OurDouble}norm1_context.linear"),
                .. Attention,
                new($"{TheirDouble}img_mlp.0", $"{OurDouble}ff.net.0.proj"),
                new($"{TheirDouble}img_mlp.2", $"{OurDouble}ff.net.2"),
                new($"{TheirDouble}txt_mlp.0", $"{OurDouble}ff_context.net.0.proj"),
                new($"{TheirDouble}txt_mlp.2", $"{OurDouble}ff_context.net.2"),
                new($"{TheirSingle}modulation.lin", $"{OurSingle}norm.linear"),
                new(
                    $"{TheirSingle}linear1",
                    [$"{OurSingle}attn.to_q", $"{OurSingle}attn.to_k", $"{OurSingle}attn.to_v", $"{OurSingle}proj_mlp"]
                ),
                new($"{TheirSingle}linear2", $"{OurSingle}proj_out"),
                new("final_layer.linear", "proj_out"),
                new("final_layer.adaLN_modulation.1", "norm_out.linear", Halves.Swapped),
            ],
            AdapterLayers =
            [
                .. Joined,
                new(
                    $"{OurSingle}attn.to_qkv",
                    [$"{OurSingle}attn.to_q", $"{OurSingle}attn.to_k", $"{OurSingle}attn.to_v"]
                ),
                new(
                    $"{TheirDouble}processor.qkv_lora1",
                    [$"{OurDouble}attn.to_q", $"{OurDouble}attn.to_k", $"{OurDouble}attn.to_v"]
                ),
                new(
                    $"{TheirDouble}processor.qkv_lora2",
                    [$"{OurDouble}attn.add_q_proj", $"{OurDouble}attn.add_k_proj", $"{OurDouble}attn.add_v_proj"]
                ),
                new($"{TheirDouble}processor.proj_lora1", $"{OurDouble}attn.to_out.0"),
                new($"{TheirDouble}processor.proj_lora2", $"{OurDouble}attn.to_add_out"),
                new(
                    $"{TheirSingle}processor.qkv_lora",
                    [$"{OurSingle}attn.to_q", $"{OurSingle}attn.to_k", $"{OurSingle}attn.to_v"]
                ),
                new($"{TheirSingle}processor.proj_lora", $"{OurSingle}proj_out"),
            ],
            Tensors = Norms,
        };
}
