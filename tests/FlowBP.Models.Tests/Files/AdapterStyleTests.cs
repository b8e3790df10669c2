// One random adapter, written as each trainer writes it, changes the weights by the same arithmetic: W + alpha/rank · B A, computed here
// in double precision. Ranks and strengths differ from layer to layer.

using System.Text.Json.Nodes;
using FlowBP.Models.Adapters;
using FlowBP.Models.Formats;
using static FlowBP.Models.Tests.TestNetworks;

namespace FlowBP.Models.Tests;

public sealed class AdapterStyleTests
{
    // The original layer, the network's layers that it is, and whether its halves are swapped.
    private sealed record Change(string Original, string[] Own, bool Swapped = false);

    private static readonly Dictionary<string, (Func<nn.Module> New, Change[] Changes)> Families = new()
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

    private static readonly string[] Names = [.. Families.Keys];

    // How a style names a layer and its factors, and whether it keeps queries, keys and values joined.
    private sealed record Style(string Prefix, char Separator, bool IsOriginal, string A, string B);

    private static readonly Dictionary<string, Style> Styles = new()
    {
        ["diffusers"] = new("transformer.", '.', false, "lora_A.weight", "lora_B.weight"),
        ["diffusers, old"] = new("transformer.", '.', false, "lora.down.weight", "lora.up.weight"),
        ["PEFT inside a model"] = new(
            "base_model.model.",
            '.',
            false,
            "lora_A.default.weight",
            "lora_B.default.weight"
        ),
        ["sd-scripts"] = new("lora_unet_", '_', true, "lora_down.weight", "lora_up.weight"),
        ["OneTrainer"] = new("lora_transformer_", '_', false, "lora_down.weight", "lora_up.weight"),
        ["LyCORIS"] = new("lycoris_", '_', false, "lora_down.weight", "lora_up.weight"),
        ["ComfyUI"] = new("diffusion_model.", '.', true, "lora_down.weight", "lora_up.weight"),
        ["ComfyUI, whole"] = new("model.diffusion_model.", '.', true, "lora_down.weight", "lora_up.weight"),
        ["ai-toolkit"] = new("diffusion_model.", '.', true, "lora_A.weight", "lora_B.weight"),
        ["ai-toolkit, diffusers"] = new("diffusion_model.", '.', false, "lora_A.weight", "lora_B.weight"),
        ["fal"] = new("base_model.model.", '.', true, "lora_A.weight", "lora_B.weight"),
        ["Black Forest Labs"] = new("", '.', true, "lora_A.weight", "lora_B.weight"),
        ["no prefix"] = new("", '.', false, "lora_A.weight", "lora_B.weight"),
    };

    private static readonly string[] StyleNames = [.. Styles.Keys];

    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void Every_style_merges_to_the_same_weights(
        [ValueSource(nameof(Names))] string family,
        [ValueSource(nameof(StyleNames))] string style
    )
    {
        using var scope = torch.NewDisposeScope();
        using nn.Module model = Families[family].New();
        var expected = Merged(model, family, (alpha, rank) => alpha / rank);

        SafetensorsWriter.Write(
            folder["a style-000001000.safetensors"],
            Written(model, family, Styles[style], withAlpha: true)
        );
        MergesTo(model, folder.Path, expected);
    }

    [Test]
    public void A_PEFT_folder_has_its_strengths_in_its_configuration(
        [ValueSource(nameof(Names))] string family,
        [Values] bool isRankStabilized
    )
    {
        using var scope = torch.NewDisposeScope();
        using nn.Module model = Families[family].New();
        var expected = Merged(model, family, (alpha, rank) => alpha / (isRankStabilized ? Math.Sqrt(rank) : rank));
        JsonObject ranks = [];
        JsonObject alphas = [];
        foreach (var (change, (rank, alpha)) in Families[family].Changes.Zip(Sizes(family)))
        {
            foreach (string path in change.Own)
            {
                ranks[path] = rank;
                alphas[path] = alpha;
            }
        }
        File.WriteAllText(
            folder["adapter_config.json"],
            new JsonObject
            {
                ["peft_type"] = "LORA",
                ["r"] = 16,
                ["lora_alpha"] = 99,
                ["rank_pattern"] = ranks,
                ["alpha_pattern"] = alphas,
                ["use_rslora"] = isRankStabilized,
                ["use_dora"] = false,
                ["bias"] = "none",
                ["init_lora_weights"] = "gaussian",
                ["modules_to_save"] = null,
                ["target_modules"] = "a regular expression",
            }.ToJsonString()
        );
        var style = new Style("base_model.model.", '.', false, "lora_A.weight", "lora_B.weight");
        SafetensorsWriter.Write(folder["adapter_model.safetensors"], Written(model, family, style, withAlpha: false));

        MergesTo(model, folder.Path, expected);
    }

    [Test]
    public void Without_a_strength_anywhere_alpha_is_the_rank([ValueSource(nameof(Names))] string family)
    {
        using var scope = torch.NewDisposeScope();
        using nn.Module model = Families[family].New();
        var expected = Merged(model, family, (_, _) => 1);
        SafetensorsWriter.Write(
            folder["x.safetensors"],
            Written(model, family, Styles["ai-toolkit"], withAlpha: false)
        );

        MergesTo(model, folder["x.safetensors"], expected);
    }

    [TestCase(0.5)]
    [TestCase(0)]
    [TestCase(-1)]
    public void A_scale_multiplies_every_strength(double scale)
    {
        using var scope = torch.NewDisposeScope();
        using nn.Module model = Families["FLUX.1"].New();
        var expected = Merged(model, "FLUX.1", (alpha, rank) => scale * alpha / rank);
        SafetensorsWriter.Write(
            folder["x.safetensors"],
            Written(model, "FLUX.1", Styles["sd-scripts"], withAlpha: true)
        );

        using LoraAdapter adapter = LoraAdapter.Load(model, folder.Path, scale: scale);
        adapter.Merge();
        Same(model, expected);
    }

    [Test]
    public void A_file_of_torch_save_is_read_too([Values("pytorch_lora_weights.bin", "style.pt")] string name)
    {
        using var scope = torch.NewDisposeScope();
        using nn.Module model = Flux2();
        byte[] pickle = PickleWriter.Of(p =>
            p.Op('}')
                .Op('(')
                .Text("transformer.x_embedder.lora_A.weight")
                .Tensor("0", 1, 16)
                .Text("transformer.x_embedder.lora_B.weight")
                .Tensor("1", 16, 1)
                .Op('u')
        );
        float[] a = [.. Enumerable.Range(0, 16).Select(i => i - 7f)];
        float[] b = [.. Enumerable.Range(0, 16).Select(i => 0.5f * i)];
        File.WriteAllBytes(
            folder[name],
            TorchFileWriter.Zip(pickle, ("0", TorchFileWriter.Floats(a)), ("1", TorchFileWriter.Floats(b)))
        );

        using LoraAdapter adapter = LoraAdapter.Load(model, folder.Path);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Values(adapter.Layers.Single().A_RI), Is.EqualTo(a));
            Assert.That(Values(adapter.Layers.Single().B_OR), Is.EqualTo(b));
        }
    }

    [Test]
    public void An_adapter_one_folder_down_is_taken_and_said()
    {
        using var scope = torch.NewDisposeScope();
        using nn.Module model = Flux2();
        var expected = Merged(model, "FLUX.2", (alpha, rank) => alpha / rank);
        Directory.CreateDirectory(folder["lora"]);
        SafetensorsWriter.Write(
            folder["lora", "s.safetensors"],
            Written(model, "FLUX.2", Styles["fal"], withAlpha: true)
        );
        List<string> notices = [];

        using (LoadingNotices.To(notices.Add))
        {
            MergesTo(model, folder.Path, expected);
        }

        Assert.That(notices, Has.One.Contains("s.safetensors is taken"));
    }

    private static string[] Parts(string start, params string[] ends) => [.. ends.Select(end => start + end)];

    // Rank and alpha of each change.
    private static IEnumerable<(int Rank, double Alpha)> Sizes(string family) =>
        Families[family].Changes.Select((_, i) => (1 + i % 4, 0.5 + i));

    private static Tensor A(int change, int rank, long inputs) => Waves(rank, inputs) * (0.3 + 0.05 * change);

    private static Tensor B(int change, long outputs, int rank) => Waves(outputs, rank) * (0.2 + 0.05 * change);

    // The tensors of a style; where it has diffusers' layers, each has its own rows and the first factor again.
    private static Dictionary<string, Tensor> Written(nn.Module model, string family, Style style, bool withAlpha)
    {
        var weights = model.state_dict();
        var tensors = new Dictionary<string, Tensor>();
        foreach (var (i, (change, (rank, alpha))) in Families[family].Changes.Zip(Sizes(family)).Index())
        {
            Tensor[] parts = [.. change.Own.Select(path => weights[$"{path}.weight"])];
            Tensor a = A(i, rank, parts[0].shape[1]);
            Tensor b = B(i, parts.Sum(part => part.shape[0]), rank);
            if (style.IsOriginal)
            {
                Put(change.Original, a, change.Swapped ? torch.cat([.. b.chunk(2, 0).Reverse()], 0) : b);
                continue;
            }
            long first = 0;
            foreach (var (path, part) in change.Own.Zip(parts))
            {
                Put(path, a, b.narrow(0, first, part.shape[0]));
                first += part.shape[0];
            }

            void Put(string layer, Tensor down, Tensor up)
            {
                string name = style.Prefix + layer.Replace('.', style.Separator);
                tensors[$"{name}.{style.A}"] = down;
                tensors[$"{name}.{style.B}"] = up.contiguous();
                if (withAlpha)
                {
                    tensors[$"{name}.alpha"] = torch.tensor((float)alpha);
                }
            }
        }
        return tensors;
    }

    private static Dictionary<string, double[]> Merged(
        nn.Module model,
        string family,
        Func<double, int, double> strength
    )
    {
        Dictionary<string, double[]> merged = model
            .state_dict()
            .ToDictionary(
                pair => pair.Key,
                pair => Values(pair.Value.to_type(ScalarType.Float32)).Select(v => (double)v).ToArray()
            );
        var weights = model.state_dict();
        foreach (var (i, (change, (rank, alpha))) in Families[family].Changes.Zip(Sizes(family)).Index())
        {
            Tensor[] parts = [.. change.Own.Select(path => weights[$"{path}.weight"])];
            int inputs = (int)parts[0].shape[1];
            float[] a = Values(A(i, rank, inputs));
            float[] b = Values(B(i, parts.Sum(part => part.shape[0]), rank));
            int row = 0;
            foreach (string path in change.Own)
            {
                double[] weight = merged[$"{path}.weight"];
                for (int o = 0; o < weight.Length / inputs; o++, row++)
                {
                    for (int c = 0; c < inputs; c++)
                    {
                        double sum = Enumerable.Range(0, rank).Sum(r => (double)b[row * rank + r] * a[r * inputs + c]);
                        weight[o * inputs + c] += strength(alpha, rank) * sum;
                    }
                }
            }
        }
        return merged;
    }

    private static void MergesTo(nn.Module model, string path, Dictionary<string, double[]> expected)
    {
        using LoraAdapter adapter = LoraAdapter.Load(model, path);
        adapter.Merge();
        Same(model, expected);
    }

    private static void Same(nn.Module model, Dictionary<string, double[]> expected)
    {
        foreach (var (name, tensor) in model.state_dict())
        {
            float[] found = Values(tensor.to_type(ScalarType.Float32));
            Assert.That(
                found.Zip(expected[name], (f, e) => Math.Abs(f - e)).DefaultIfEmpty().Max(),
                Is.LessThan(1e-6),
                name
            );
        }
    }
}
