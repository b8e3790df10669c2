// One random adapter, written as each trainer writes it, changes the weights by the same arithmetic: W + alpha/rank · B A, computed here
// in double precision. Ranks and strengths differ from layer to layer.

using System.Text.Json.Nodes;
using FlowBP.Formats;
using FlowBP.Models.Adapters;
using static FlowBP.Models.Tests.TestNetworks;
using static FlowBP.Tests.AdapterChange;

namespace FlowBP.Models.Tests;

public sealed class AdapterStyleTests
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

    private static readonly string[] Names = [.. Families.Keys];

    private static readonly string[] StyleNames = [.. AdapterStyle.All.Keys];

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
        using var model = Families[family].New();
        var expected = Merged(model, family, (alpha, rank) => alpha / rank);

        SafetensorsWriter.Write(
            folder.Of("a style-000001000.safetensors"),
            Written(model, family, AdapterStyle.All[style], withAlpha: true)
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
        using var model = Families[family].New();
        var expected = Merged(model, family, (alpha, rank) => alpha / (isRankStabilized ? Math.Sqrt(rank) : rank));
        JsonObject ranks = [];
        JsonObject alphas = [];
        foreach (var (change, (rank, alpha)) in Families[family].Changes.Zip(Sizes(family)))
        {
            foreach (var path in change.Own)
            {
                ranks[path] = rank;
                alphas[path] = alpha;
            }
        }
        File.WriteAllText(
            folder.Of("adapter_config.json"),
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
        SafetensorsWriter.Write(
            folder.Of("adapter_model.safetensors"),
            Written(model, family, AdapterStyle.Peft, withAlpha: false)
        );

        MergesTo(model, folder.Path, expected);
    }

    [Test]
    public void Without_a_strength_anywhere_alpha_is_the_rank([ValueSource(nameof(Names))] string family)
    {
        using var scope = torch.NewDisposeScope();
        using var model = Families[family].New();
        var expected = Merged(model, family, (_, _) => 1);
        SafetensorsWriter.Write(
            folder.Of("x.safetensors"),
            Written(model, family, AdapterStyle.All["ai-toolkit"], withAlpha: false)
        );

        MergesTo(model, folder.Of("x.safetensors"), expected);
    }

    [TestCase(0.5)]
    [TestCase(0)]
    [TestCase(-1)]
    public void A_scale_multiplies_every_strength(double scale)
    {
        using var scope = torch.NewDisposeScope();
        using var model = Families["FLUX.1"].New();
        var expected = Merged(model, "FLUX.1", (alpha, rank) => scale * alpha / rank);
        SafetensorsWriter.Write(
            folder.Of("x.safetensors"),
            Written(model, "FLUX.1", AdapterStyle.All["sd-scripts"], withAlpha: true)
        );

        using var adapter = LoraAdapter.Load(model, folder.Path, scale: scale);
        adapter.Merge(model);
        Same(model, expected);
    }

    // What torch leaves in names when a module was compiled, sharded, recomputed or copied to several devices.
    [TestCase("_orig_mod.")]
    [TestCase("module.")]
    [TestCase("transformer._orig_mod.")]
    [TestCase("base_model.model._orig_mod.")]
    [TestCase("base_model.model.transformer.")]
    [TestCase("transformer._fsdp_wrapped_module.")]
    [TestCase("transformer._checkpoint_wrapped_module.")]
    [TestCase("pipe.dit.")]
    [TestCase("model.")]
    public void A_prefix_of_wrapped_modules_is_taken_off(string prefix)
    {
        using var scope = torch.NewDisposeScope();
        using var model = Families["FLUX.1"].New();
        var expected = Merged(model, "FLUX.1", (alpha, rank) => alpha / rank);
        SafetensorsWriter.Write(
            folder.Of("x.safetensors"),
            Written(model, "FLUX.1", AdapterStyle.Peft with { Prefix = prefix }, withAlpha: true)
        );

        MergesTo(model, folder.Path, expected);
    }

    [TestCase("SD3", "transformer_blocks.0.attn.to_qkv", "transformer_blocks.0.attn.to_", "q", "k", "v")]
    [TestCase("SD3", "transformer_blocks.1.attn2.to_qkv", "transformer_blocks.1.attn2.to_", "q", "k", "v")]
    [TestCase("FLUX.1", "transformer_blocks.0.attn.to_qkv", "transformer_blocks.0.attn.to_", "q", "k", "v")]
    [TestCase("FLUX.2", "transformer_blocks.0.attn.to_qkv", "transformer_blocks.0.attn.to_", "q", "k", "v")]
    [TestCase(
        "FLUX.1",
        "transformer_blocks.0.attn.to_added_qkv",
        "transformer_blocks.0.attn.add_",
        "q_proj",
        "k_proj",
        "v_proj"
    )]
    [TestCase(
        "FLUX.1",
        "single_transformer_blocks.1.attn.to_qkv",
        "single_transformer_blocks.1.attn.to_",
        "q",
        "k",
        "v"
    )]
    public void Joined_projections_are_cut_by_their_rows(
        string family,
        string joined,
        string start,
        params string[] ends
    )
    {
        using var scope = torch.NewDisposeScope();
        using var model = Families[family].New();
        AdapterChange[] changes = [new(joined, Parts(start, ends))];
        var style = new AdapterStyle("transformer.", '.', IsOriginal: true, "lora_A.weight", "lora_B.weight");
        var expected = Merged(model, changes, (alpha, rank) => alpha / rank);
        SafetensorsWriter.Write(
            folder.Of("x.safetensors"),
            style.Written(model.state_dict(), changes, withAlpha: true)
        );

        MergesTo(model, folder.Path, expected);
    }

    [Test]
    public void A_configuration_beside_a_file_of_another_name_gives_its_strength_and_is_said()
    {
        using var scope = torch.NewDisposeScope();
        using nn.Module model = Flux2();
        var expected = Merged(model, "FLUX.2", (_, rank) => 6.0 / rank);
        File.WriteAllText(folder.Of("adapter_config.json"), """{"peft_type":"LORA","lora_alpha":6}""");
        SafetensorsWriter.Write(
            folder.Of("pytorch_lora_weights.safetensors"),
            Written(model, "FLUX.2", AdapterStyle.All["diffusers"], withAlpha: false)
        );
        List<string> notices = [];

        using (LoadingNotices.To(notices.Add))
        {
            MergesTo(model, folder.Of("adapter_config.json"), expected);
        }

        Assert.That(notices, Has.One.Contains("says nothing of its strength").And.One.Contains("adapter_config.json"));
    }

    [Test]
    public void Without_lora_alpha_PEFT_takes_8_and_so_it_is_said()
    {
        using var scope = torch.NewDisposeScope();
        using nn.Module model = Flux2();
        var expected = Merged(model, "FLUX.2", (_, rank) => 8.0 / rank);
        File.WriteAllText(folder.Of("adapter_config.json"), """{"peft_type":"LORA"}""");
        SafetensorsWriter.Write(
            folder.Of("adapter_model.safetensors"),
            Written(model, "FLUX.2", AdapterStyle.Peft, withAlpha: false)
        );
        List<string> notices = [];

        using (LoadingNotices.To(notices.Add))
        {
            MergesTo(model, folder.Path, expected);
        }

        Assert.That(notices, Has.One.Contains("has no lora_alpha: 8 is taken"));
    }

    [Test]
    public void An_alpha_that_only_the_header_has_and_one_of_0_are_said()
    {
        using var scope = torch.NewDisposeScope();
        using nn.Module model = Flux2();
        List<string> notices = [];
        using var to = LoadingNotices.To(notices.Add);
        SafetensorsWriter.Write(
            folder.Of("x.safetensors"),
            Written(model, "FLUX.2", AdapterStyle.All["sd-scripts"], withAlpha: false),
            new Dictionary<string, string> { ["ss_network_alpha"] = "1" }
        );
        using (LoraAdapter.Load(model, folder.Path))
        {
            Assert.That(notices, Has.One.Contains("trained with alpha 1 (ss_network_alpha)"));
        }
        var tensors = Written(model, "FLUX.2", AdapterStyle.All["sd-scripts"], withAlpha: true);
        foreach (var name in tensors.Keys.Where(name => name.EndsWith(".alpha", StringComparison.Ordinal)).ToArray())
        {
            tensors[name] = torch.tensor(0f);
        }
        SafetensorsWriter.Write(folder.Of("x.safetensors"), tensors);
        using (LoraAdapter.Load(model, folder.Path))
        {
            Assert.That(notices, Has.One.Contains("alpha is 0 in every layer"));
        }
    }

    [Test]
    public void A_file_that_says_how_strong_it_is_needs_no_configuration_beside_it()
    {
        using var scope = torch.NewDisposeScope();
        using nn.Module model = Flux2();
        var expected = Merged(model, "FLUX.2", (alpha, rank) => alpha / rank);
        File.WriteAllText(folder.Of("adapter_config.json"), """{"peft_type":"LORA","lora_alpha":6}""");
        SafetensorsWriter.Write(
            folder.Of("x.safetensors"),
            Written(model, "FLUX.2", AdapterStyle.All["sd-scripts"], withAlpha: true)
        );

        MergesTo(model, folder.Path, expected);
    }

    [Test]
    public void A_file_of_torch_save_is_read_too([Values("pytorch_lora_weights.bin", "style.pt")] string name)
    {
        using var scope = torch.NewDisposeScope();
        using nn.Module model = Flux2();
        var pickle = PickleWriter.Of(p =>
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
            folder.Of(name),
            TorchFileWriter.Zip(pickle, ("0", TorchFileWriter.Floats(a)), ("1", TorchFileWriter.Floats(b)))
        );

        using var adapter = LoraAdapter.Load(model, folder.Path);

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
        Directory.CreateDirectory(folder.Of("lora"));
        SafetensorsWriter.Write(
            folder.Of("lora", "s.safetensors"),
            Written(model, "FLUX.2", AdapterStyle.All["fal"], withAlpha: true)
        );
        List<string> notices = [];

        using (LoadingNotices.To(notices.Add))
        {
            MergesTo(model, folder.Path, expected);
        }

        Assert.That(notices, Has.One.Contains("s.safetensors is taken"));
    }

    private static Dictionary<string, Tensor> Written(
        nn.Module model,
        string family,
        AdapterStyle style,
        bool withAlpha
    ) => style.Written(model.state_dict(), Families[family].Changes, withAlpha);

    private static IEnumerable<(int Rank, double Alpha)> Sizes(string family) =>
        AdapterStyle.Sizes(Families[family].Changes.Length);

    private static Dictionary<string, double[]> Merged(
        nn.Module model,
        string family,
        Func<double, int, double> strength
    ) => Merged(model, Families[family].Changes, strength);

    private static Dictionary<string, double[]> Merged(
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

    private static void MergesTo(nn.Module model, string path, Dictionary<string, double[]> expected)
    {
        using var adapter = LoraAdapter.Load(model, path);
        adapter.Merge(model);
        Same(model, expected);
    }

    private static void Same(nn.Module model, Dictionary<string, double[]> expected)
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
