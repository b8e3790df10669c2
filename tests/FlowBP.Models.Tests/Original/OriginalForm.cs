// The networks' tensors under the names that the families were published with, written down by hand and by rules of their own: what
// the tables of the project are tested against.

using FlowBP.Families.Flux1;
using FlowBP.Families.SD3;

namespace FlowBP.Models.Tests;

internal static class OriginalForm
{
    /// <summary>The tensors of a network as its original code names and joins them.</summary>
    public static Dictionary<string, Tensor> Of(nn.Module network)
    {
        var own = network.state_dict();
        return network switch
        {
            SD3Transformer2DModel sd3 => SD3(own, sd3.Config.NumLayers),
            FluxTransformer2DModel => Flux1(own),
            _ => Flux2(own),
        };
    }

    private static Dictionary<string, Tensor> SD3(Dictionary<string, Tensor> own, int blocks)
    {
        var result = new Dictionary<string, Tensor>();
        foreach (var end in new[] { "weight", "bias" })
        {
            result[$"x_embedder.proj.{end}"] = own[$"pos_embed.proj.{end}"];
            result[$"context_embedder.{end}"] = own[$"context_embedder.{end}"];
            result[$"final_layer.linear.{end}"] = own[$"proj_out.{end}"];
            result[$"final_layer.adaLN_modulation.1.{end}"] = Swap(own[$"norm_out.linear.{end}"]);
            foreach (
                var (theirs, ours) in new[] { ("t_embedder", "timestep_embedder"), ("y_embedder", "text_embedder") }
            )
            {
                result[$"{theirs}.mlp.0.{end}"] = own[$"time_text_embed.{ours}.linear_1.{end}"];
                result[$"{theirs}.mlp.2.{end}"] = own[$"time_text_embed.{ours}.linear_2.{end}"];
            }
            for (var i = 0; i < blocks; i++)
            {
                var from = $"transformer_blocks.{i}";
                var image = $"joint_blocks.{i}.x_block";
                var text = $"joint_blocks.{i}.context_block";
                Join(result, own, $"{image}.attn.qkv.{end}", $"{from}.attn.to_", ["q", "k", "v"], $".{end}");
                Join(result, own, $"{image}.attn2.qkv.{end}", $"{from}.attn2.to_", ["q", "k", "v"], $".{end}");
                Join(result, own, $"{text}.attn.qkv.{end}", $"{from}.attn.add_", ["q", "k", "v"], $"_proj.{end}");
                Take(result, own, $"{image}.attn.proj.{end}", $"{from}.attn.to_out.0.{end}");
                Take(result, own, $"{image}.attn2.proj.{end}", $"{from}.attn2.to_out.0.{end}");
                Take(result, own, $"{text}.attn.proj.{end}", $"{from}.attn.to_add_out.{end}");
                Take(result, own, $"{image}.mlp.fc1.{end}", $"{from}.ff.net.0.proj.{end}");
                Take(result, own, $"{image}.mlp.fc2.{end}", $"{from}.ff.net.2.{end}");
                Take(result, own, $"{text}.mlp.fc1.{end}", $"{from}.ff_context.net.0.proj.{end}");
                Take(result, own, $"{text}.mlp.fc2.{end}", $"{from}.ff_context.net.2.{end}");
                Take(result, own, $"{image}.adaLN_modulation.1.{end}", $"{from}.norm1.linear.{end}");
                var modulation = own[$"{from}.norm1_context.linear.{end}"];
                result[$"{text}.adaLN_modulation.1.{end}"] = i == blocks - 1 ? Swap(modulation) : modulation;
            }
        }
        result["pos_embed"] = own["pos_embed.pos_embed"];
        for (var i = 0; i < blocks; i++)
        {
            var from = $"transformer_blocks.{i}";
            foreach (var which in new[] { "q", "k" })
            {
                Take(
                    result,
                    own,
                    $"joint_blocks.{i}.x_block.attn.ln_{which}.weight",
                    $"{from}.attn.norm_{which}.weight"
                );
                Take(
                    result,
                    own,
                    $"joint_blocks.{i}.x_block.attn2.ln_{which}.weight",
                    $"{from}.attn2.norm_{which}.weight"
                );
                Take(
                    result,
                    own,
                    $"joint_blocks.{i}.context_block.attn.ln_{which}.weight",
                    $"{from}.attn.norm_added_{which}.weight"
                );
            }
        }
        return result;
    }

    private static Dictionary<string, Tensor> Flux1(Dictionary<string, Tensor> own)
    {
        var result = new Dictionary<string, Tensor>();
        foreach (var end in new[] { "weight", "bias" })
        {
            foreach (
                var (theirs, ours) in new[]
                {
                    ("time_in", "timestep_embedder"),
                    ("vector_in", "text_embedder"),
                    ("guidance_in", "guidance_embedder"),
                }
            )
            {
                Take(result, own, $"{theirs}.in_layer.{end}", $"time_text_embed.{ours}.linear_1.{end}");
                Take(result, own, $"{theirs}.out_layer.{end}", $"time_text_embed.{ours}.linear_2.{end}");
            }
            Take(result, own, $"double_blocks.0.img_mod.lin.{end}", $"transformer_blocks.0.norm1.linear.{end}");
            Take(result, own, $"double_blocks.0.txt_mod.lin.{end}", $"transformer_blocks.0.norm1_context.linear.{end}");
            foreach (var (theirs, ours) in new[] { ("img", "ff"), ("txt", "ff_context") })
            {
                Take(
                    result,
                    own,
                    $"double_blocks.0.{theirs}_mlp.0.{end}",
                    $"transformer_blocks.0.{ours}.net.0.proj.{end}"
                );
                Take(result, own, $"double_blocks.0.{theirs}_mlp.2.{end}", $"transformer_blocks.0.{ours}.net.2.{end}");
            }
            for (var i = 0; i < 2; i++)
            {
                var from = $"single_transformer_blocks.{i}";
                Join(
                    result,
                    own,
                    $"single_blocks.{i}.linear1.{end}",
                    $"{from}.",
                    ["attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"],
                    $".{end}"
                );
                Take(result, own, $"single_blocks.{i}.linear2.{end}", $"{from}.proj_out.{end}");
                Take(result, own, $"single_blocks.{i}.modulation.lin.{end}", $"{from}.norm.linear.{end}");
            }
        }
        FluxShared(result, own);
        return result;
    }

    private static Dictionary<string, Tensor> Flux2(Dictionary<string, Tensor> own)
    {
        var result = new Dictionary<string, Tensor>();
        Take(result, own, "time_in.in_layer.weight", "time_guidance_embed.timestep_embedder.linear_1.weight");
        Take(result, own, "time_in.out_layer.weight", "time_guidance_embed.timestep_embedder.linear_2.weight");
        foreach (
            var which in new[]
            {
                "double_stream_modulation_img",
                "double_stream_modulation_txt",
                "single_stream_modulation",
            }
        )
        {
            Take(result, own, $"{which}.lin.weight", $"{which}.linear.weight");
        }
        foreach (var (theirs, ours) in new[] { ("img", "ff"), ("txt", "ff_context") })
        {
            Take(
                result,
                own,
                $"double_blocks.0.{theirs}_mlp.0.weight",
                $"transformer_blocks.0.{ours}.linear_in.weight"
            );
            Take(
                result,
                own,
                $"double_blocks.0.{theirs}_mlp.2.weight",
                $"transformer_blocks.0.{ours}.linear_out.weight"
            );
        }
        for (var i = 0; i < 2; i++)
        {
            var from = $"single_transformer_blocks.{i}.attn";
            Take(result, own, $"single_blocks.{i}.linear1.weight", $"{from}.to_qkv_mlp_proj.weight");
            Take(result, own, $"single_blocks.{i}.linear2.weight", $"{from}.to_out.weight");
        }
        FluxShared(result, own);
        return result;
    }

    private static void FluxShared(Dictionary<string, Tensor> result, Dictionary<string, Tensor> own)
    {
        foreach (var end in new[] { "weight", "bias" })
        {
            Take(result, own, $"img_in.{end}", $"x_embedder.{end}");
            Take(result, own, $"txt_in.{end}", $"context_embedder.{end}");
            Take(result, own, $"final_layer.linear.{end}", $"proj_out.{end}");
            if (own.TryGetValue($"norm_out.linear.{end}", out var modulation))
            {
                result[$"final_layer.adaLN_modulation.1.{end}"] = Swap(modulation);
            }
            Join(
                result,
                own,
                $"double_blocks.0.img_attn.qkv.{end}",
                "transformer_blocks.0.attn.to_",
                ["q", "k", "v"],
                $".{end}"
            );
            Join(
                result,
                own,
                $"double_blocks.0.txt_attn.qkv.{end}",
                "transformer_blocks.0.attn.add_",
                ["q", "k", "v"],
                $"_proj.{end}"
            );
            Take(result, own, $"double_blocks.0.img_attn.proj.{end}", $"transformer_blocks.0.attn.to_out.0.{end}");
            Take(result, own, $"double_blocks.0.txt_attn.proj.{end}", $"transformer_blocks.0.attn.to_add_out.{end}");
        }
        foreach (var (which, letter) in new[] { ("query", "q"), ("key", "k") })
        {
            var from = $"transformer_blocks.0.attn.norm_";
            Take(result, own, $"double_blocks.0.img_attn.norm.{which}_norm.scale", $"{from}{letter}.weight");
            Take(result, own, $"double_blocks.0.txt_attn.norm.{which}_norm.scale", $"{from}added_{letter}.weight");
            for (var i = 0; i < 2; i++)
            {
                Take(
                    result,
                    own,
                    $"single_blocks.{i}.norm.{which}_norm.scale",
                    $"single_transformer_blocks.{i}.attn.norm_{letter}.weight"
                );
            }
        }
    }

    private static void Take(Dictionary<string, Tensor> to, Dictionary<string, Tensor> own, string theirs, string ours)
    {
        if (own.TryGetValue(ours, out var tensor))
        {
            to[theirs] = tensor;
        }
    }

    private static void Join(
        Dictionary<string, Tensor> to,
        Dictionary<string, Tensor> own,
        string theirs,
        string start,
        string[] parts,
        string end
    )
    {
        if (own.ContainsKey(start + parts[0] + end))
        {
            to[theirs] = torch.cat([.. parts.Select(part => own[start + part + end])], 0);
        }
    }

    private static Tensor Swap(Tensor rows)
    {
        var halves = rows.chunk(2, 0);
        return torch.cat([halves[1], halves[0]], 0);
    }
}
