// One random adapter for a network of each family. It changes the weights by the same arithmetic whoever wrote it: W + alpha/rank · B A,
// computed here in double precision. Ranks and strengths differ from layer to layer.

using FlowBP.Models.Adapters;
using static FlowBP.Models.Tests.TestNetworks;
using static FlowBP.Tests.AdapterChange;

namespace FlowBP.Models.Tests;

/// <summary>Small networks, changes of some of their layers, and the weights that they lead to.</summary>
internal static class AdaptedFamilies
{
    private static readonly Dictionary<string, (Func<nn.Module> New, AdapterChange[] Changes)> Families = new()
    {
        ["SD3"] = (
            () => Transformer(),
            [
                new("joint_blocks.0.x_block.attn.qkv", Parts("transformer_blocks.0.attn.to_", "q", "k", "v")),
                new("joint_blocks.1.x_block.attn2.qkv", Parts("transformer_blocks.1.attn2.to_", "q", "k", "v")),
                new(
                    "joint_blocks.2.context_block.attn.qkv",
                    Parts("transformer_blocks.2.attn.add_", "q_proj", "k_proj", "v_proj")
                ),
                new("joint_blocks.1.context_block.attn.proj", ["transformer_blocks.1.attn.to_add_out"]),
                new("joint_blocks.0.x_block.mlp.fc1", ["transformer_blocks.0.ff.net.0.proj"]),
                new("joint_blocks.0.context_block.adaLN_modulation.1", ["transformer_blocks.0.norm1_context.linear"]),
                new(
                    "joint_blocks.2.context_block.adaLN_modulation.1",
                    ["transformer_blocks.2.norm1_context.linear"],
                    true
                ),
                new("final_layer.linear", ["proj_out"]),
            ]
        ),
        ["FLUX.1"] = (
            () => Flux(),
            [
                new("double_blocks.0.img_attn.qkv", Parts("transformer_blocks.0.attn.to_", "q", "k", "v")),
                new(
                    "double_blocks.0.txt_attn.qkv",
                    Parts("transformer_blocks.0.attn.add_", "q_proj", "k_proj", "v_proj")
                ),
                new("double_blocks.0.txt_attn.proj", ["transformer_blocks.0.attn.to_add_out"]),
                new("double_blocks.0.img_mod.lin", ["transformer_blocks.0.norm1.linear"]),
                new("double_blocks.0.txt_mlp.2", ["transformer_blocks.0.ff_context.net.2"]),
                new(
                    "single_blocks.1.linear1",
                    Parts("single_transformer_blocks.1.", "attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp")
                ),
                new("single_blocks.0.linear2", ["single_transformer_blocks.0.proj_out"]),
                new("final_layer.adaLN_modulation.1", ["norm_out.linear"], true),
                new("guidance_in.in_layer", ["time_text_embed.guidance_embedder.linear_1"]),
            ]
        ),
        ["FLUX.2"] = (
            () => Flux2(),
            [
                new("double_blocks.0.img_attn.qkv", Parts("transformer_blocks.0.attn.to_", "q", "k", "v")),
                new("double_blocks.0.txt_mlp.0", ["transformer_blocks.0.ff_context.linear_in"]),
                new("single_blocks.1.linear1", ["single_transformer_blocks.1.attn.to_qkv_mlp_proj"]),
                new("single_blocks.0.linear2", ["single_transformer_blocks.0.attn.to_out"]),
                new("double_stream_modulation_img.lin", ["double_stream_modulation_img.linear"]),
                new("img_in", ["x_embedder"]),
            ]
        ),
    };

    /// <summary>The families.</summary>
    public static readonly string[] Names = [.. Families.Keys];

    /// <summary>A new network of a family.</summary>
    public static nn.Module New(string family) => Families[family].New();

    /// <summary>The layers of a family that are changed.</summary>
    public static AdapterChange[] Changes(string family) => Families[family].Changes;

    /// <summary>The tensors of a family's adapter in a style.</summary>
    public static Dictionary<string, Tensor> Written(
        nn.Module model,
        string family,
        AdapterStyle style,
        bool withAlpha
    ) => style.Written(model.state_dict(), Families[family].Changes, withAlpha);

    /// <summary>Rank and alpha of each changed layer.</summary>
    public static IEnumerable<(int Rank, double Alpha)> Sizes(string family) =>
        AdapterStyle.Sizes(Families[family].Changes.Length);

    /// <summary>The weights that a family's network has with the changes, by name.</summary>
    public static Dictionary<string, double[]> Merged(
        nn.Module model,
        string family,
        Func<double, int, double> strength
    ) => Merged(model, Families[family].Changes, strength);

    /// <summary>The weights that a network has with changes, by name.</summary>
    /// <param name="model">The network.</param>
    /// <param name="changes">The changed layers.</param>
    /// <param name="strength">Of alpha and rank.</param>
    public static Dictionary<string, double[]> Merged(
        nn.Module model,
        AdapterChange[] changes,
        Func<double, int, double> strength
    )
    {
        var merged = model
            .state_dict()
            .ToDictionary(
                pair => pair.Key,
                pair => Values(pair.Value.to_type(ScalarType.Float32)).Select(v => (double)v).ToArray()
            );
        var weights = model.state_dict();
        foreach (var (i, (change, (rank, alpha))) in changes.Zip(AdapterStyle.Sizes(changes.Length)).Index())
        {
            Tensor[] parts = [.. change.Own.Select(path => weights[$"{path}.weight"])];
            var inputs = (int)parts[0].shape[1];
            var a = Values(AdapterStyle.FirstFactor(i, rank, inputs));
            var b = Values(AdapterStyle.SecondFactor(i, parts.Sum(part => part.shape[0]), rank));
            var row = 0;
            foreach (var path in change.Own)
            {
                var weight = merged[$"{path}.weight"];
                for (var o = 0; o < weight.Length / inputs; o++, row++)
                {
                    for (var c = 0; c < inputs; c++)
                    {
                        var sum = Enumerable.Range(0, rank).Sum(r => (double)b[row * rank + r] * a[r * inputs + c]);
                        weight[o * inputs + c] += strength(alpha, rank) * sum;
                    }
                }
            }
        }
        return merged;
    }

    /// <summary>Merges the adapter at a path into a network, and compares the weights.</summary>
    public static void MergesTo(nn.Module model, string path, Dictionary<string, double[]> expected)
    {
        using var adapter = LoraAdapter.Load(model, path);
        adapter.Merge(model);
        Same(model, expected);
    }

    /// <summary>Compares a network's weights with expected ones.</summary>
    public static void Same(nn.Module model, Dictionary<string, double[]> expected)
    {
        foreach (var (name, tensor) in model.state_dict())
        {
            var found = Values(tensor.to_type(ScalarType.Float32));
            Assert.That(
                found.Zip(expected[name], (f, e) => Math.Abs(f - e)).DefaultIfEmpty().Max(),
                Is.LessThan(1e-6),
                name
            );
        }
    }
}
