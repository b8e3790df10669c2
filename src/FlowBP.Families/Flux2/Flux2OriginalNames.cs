// FLUX.2 as Black Forest Labs published it: the modulations stand beside the blocks, and diffusers too keeps the fused layers of
// single-stream blocks in one piece.

using FlowBP.Models.Original;
using static FlowBP.Models.Original.FluxBlockNames;

namespace FlowBP.Families.Flux2;

/// <summary>The original names of FLUX.2.</summary>
internal static class Flux2OriginalNames
{
    /// <summary>The table.</summary>
    public static OriginalNames Table { get; } =
        new()
        {
            Family = "FLUX.2",
            Signature = "double_stream_modulation_img.lin.weight",
            Layers =
            [
                new("img_in", "x_embedder"),
                new("txt_in", "context_embedder"),
                new("time_in.in_layer", "time_guidance_embed.timestep_embedder.linear_1"),
                new("time_in.out_layer", "time_guidance_embed.timestep_embedder.linear_2"),
                new("guidance_in.in_layer", "time_guidance_embed.guidance_embedder.linear_1"),
                new("guidance_in.out_layer", "time_guidance_embed.guidance_embedder.linear_2"),
                new("double_stream_modulation_img.lin", "double_stream_modulation_img.linear"),
                new("double_stream_modulation_txt.lin", "double_stream_modulation_txt.linear"),
                new("single_stream_modulation.lin", "single_stream_modulation.linear"),
                .. Attention,
                new($"{TheirDouble}img_mlp.0", $"{OurDouble}ff.linear_in"),
                new($"{TheirDouble}img_mlp.2", $"{OurDouble}ff.linear_out"),
                new($"{TheirDouble}txt_mlp.0", $"{OurDouble}ff_context.linear_in"),
                new($"{TheirDouble}txt_mlp.2", $"{OurDouble}ff_context.linear_out"),
                new($"{TheirSingle}linear1", $"{OurSingle}attn.to_qkv_mlp_proj"),
                new($"{TheirSingle}linear2", $"{OurSingle}attn.to_out"),
                new("final_layer.linear", "proj_out"),
                new("final_layer.adaLN_modulation.1", "norm_out.linear", Halves.Swapped),
            ],
            AdapterLayers = Joined,
            Tensors = Norms,
        };
}
