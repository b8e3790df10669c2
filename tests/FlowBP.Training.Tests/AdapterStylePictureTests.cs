// One random adapter, written as each trainer writes it, paints one picture: equal to one grey level, and another than without it.

using System.Text.Json.Nodes;
using FlowBP.Families.Flux1;
using FlowBP.Families.Flux2;
using FlowBP.Families.SD3;
using FlowBP.Formats;
using FlowBP.Training.Pipelines;
using static FlowBP.Tests.AdapterChange;

namespace FlowBP.Training.Tests;

public sealed class AdapterStylePictureTests
{
    private static readonly Dictionary<string, AdapterChange[]> Changes = new()
    {
        [SD3Family.PipelineClass] =
        [
            new("joint_blocks.0.x_block.attn.qkv", Parts("transformer_blocks.0.attn.to_", "q", "k", "v")),
            new(
                "joint_blocks.1.context_block.attn.qkv",
                Parts("transformer_blocks.1.attn.add_", "q_proj", "k_proj", "v_proj")
            ),
            new("joint_blocks.0.context_block.attn.proj", ["transformer_blocks.0.attn.to_add_out"]),
            new("joint_blocks.0.x_block.mlp.fc1", ["transformer_blocks.0.ff.net.0.proj"]),
            new(
                "joint_blocks.1.context_block.adaLN_modulation.1",
                ["transformer_blocks.1.norm1_context.linear"],
                Swapped: true
            ),
        ],
        [Flux1Family.PipelineClass] =
        [
            new("double_blocks.0.img_attn.qkv", Parts("transformer_blocks.0.attn.to_", "q", "k", "v")),
            new("double_blocks.0.txt_attn.qkv", Parts("transformer_blocks.0.attn.add_", "q_proj", "k_proj", "v_proj")),
            new(
                "single_blocks.0.linear1",
                Parts("single_transformer_blocks.0.", "attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp")
            ),
            new("single_blocks.0.linear2", ["single_transformer_blocks.0.proj_out"]),
            new("final_layer.adaLN_modulation.1", ["norm_out.linear"], Swapped: true),
        ],
        [Flux2Family.PipelineClass] =
        [
            new("double_blocks.0.img_attn.qkv", Parts("transformer_blocks.0.attn.to_", "q", "k", "v")),
            new("double_blocks.0.txt_attn.qkv", Parts("transformer_blocks.0.attn.add_", "q_proj", "k_proj", "v_proj")),
            new("double_blocks.0.txt_mlp.0", ["transformer_blocks.0.ff_context.linear_in"]),
            new("single_blocks.0.linear1", ["single_transformer_blocks.0.attn.to_qkv_mlp_proj"]),
            new("final_layer.adaLN_modulation.1", ["norm_out.linear"], Swapped: true),
        ],
    };

    // XLabs' names have no alpha, and exist for attention only.
    private static readonly AdapterChange[] OfXLabs =
    [
        new("double_blocks.0.processor.qkv_lora1", Parts("transformer_blocks.0.attn.to_", "q", "k", "v")),
        new("double_blocks.0.processor.proj_lora1", ["transformer_blocks.0.attn.to_out.0"]),
        new(
            "double_blocks.0.processor.qkv_lora2",
            Parts("transformer_blocks.0.attn.add_", "q_proj", "k_proj", "v_proj")
        ),
        new("double_blocks.0.processor.proj_lora2", ["transformer_blocks.0.attn.to_add_out"]),
        new("single_blocks.0.processor.qkv_lora", Parts("single_transformer_blocks.0.attn.to_", "q", "k", "v")),
        new("single_blocks.0.processor.proj_lora", ["single_transformer_blocks.0.proj_out"]),
    ];

    private static IEnumerable<string> Families => TinyModels.Writers.Keys;

    private DisposeScope scope = null!;
    private TemporaryFolder folder = null!;

    [SetUp]
    public void Open()
    {
        scope = torch.NewDisposeScope();
        folder = new();
    }

    [TearDown]
    public void Close()
    {
        folder.Dispose();
        scope.Dispose();
    }

    [TestCaseSource(nameof(Families))]
    public void Every_style_paints_the_same_picture(string family)
    {
        TinyModels.Writers[family](folder.Of("model"));
        var weights = Weights();
        var styles = AdapterStyle.All.ToDictionary(
            style => style.Key,
            style => Painted(style.Key, style.Value.Written(weights, Changes[family], withAlpha: true))
        );
        styles.Add("PEFT folder", PaintedOfPeft(weights, Changes[family]));

        var first = styles.First();
        AssertChanges(first.Value);
        foreach (var (style, levels) in styles)
        {
            Assert.That(levels, Is.EqualTo(first.Value).Within(1), $"{style} against {first.Key}");
        }
    }

    [Test]
    public void The_names_of_XLabs_paint_the_same_picture()
    {
        TinyModels.Writers[Flux1Family.PipelineClass](folder.Of("model"));
        var weights = Weights();
        var diffusers = Painted("own", AdapterStyle.All["diffusers"].Written(weights, OfXLabs, withAlpha: false));
        var theirs = new AdapterStyle("", '.', IsOriginal: true, "down.weight", "up.weight");

        AssertChanges(diffusers);
        Assert.That(Painted("x", theirs.Written(weights, OfXLabs, false)), Is.EqualTo(diffusers).Within(1));
        Assert.That(
            Painted("xc", (theirs with { Prefix = "diffusion_model." }).Written(weights, OfXLabs, false)),
            Is.EqualTo(diffusers).Within(1)
        );
    }

    private void AssertChanges(int[] levels)
    {
        var plain = Levels(null);
        Assert.That(
            levels.Zip(plain, (a, b) => Math.Abs(a - b)).Max(),
            Is.GreaterThan(4),
            "the adapter changes the picture"
        );
        Assert.That(levels.Distinct().Count(), Is.GreaterThan(50), "the picture is no plain colour");
    }

    private Dictionary<string, Tensor> Weights()
    {
        using var model = new TextToImage(ModelFolder.At(folder.Of("model"), 2), prompts: new TinyModels.Prompts());
        return model
            .Model.Transformer.state_dict()
            .ToDictionary(pair => pair.Key, pair => pair.Value.detach().clone(), StringComparer.Ordinal);
    }

    private int[] Painted(string name, Dictionary<string, Tensor> tensors)
    {
        var file = folder.Of($"{name}.safetensors");
        SafetensorsWriter.Write(file, tensors);
        return Levels(file);
    }

    private int[] PaintedOfPeft(Dictionary<string, Tensor> weights, AdapterChange[] changes)
    {
        JsonObject ranks = [];
        JsonObject alphas = [];
        foreach (var (change, (rank, alpha)) in changes.Zip(AdapterStyle.Sizes(changes.Length)))
        {
            foreach (var path in change.Own)
            {
                ranks[path] = rank;
                alphas[path] = alpha;
            }
        }
        var peft = folder.Of("peft");
        Directory.CreateDirectory(peft);
        File.WriteAllText(
            Path.Combine(peft, "adapter_config.json"),
            new JsonObject
            {
                ["peft_type"] = "LORA",
                ["r"] = 16,
                ["lora_alpha"] = 32,
                ["rank_pattern"] = ranks,
                ["alpha_pattern"] = alphas,
            }.ToJsonString()
        );
        SafetensorsWriter.Write(
            Path.Combine(peft, "adapter_model.safetensors"),
            AdapterStyle.Peft.Written(weights, changes, withAlpha: false)
        );
        return Levels(peft);
    }

    // Grey levels of a picture of two steps.
    private int[] Levels(string? adapter)
    {
        using var inner = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var model = new TextToImage(
            ModelFolder.At(folder.Of("model"), 2) with
            {
                LoraWeights = adapter,
                LoraScale = 10,
            },
            prompts: new TinyModels.Prompts()
        );
        var noise_BCYX = Noise.Of(model.LatentShape, 1, seed: 5, step: 0);
        var picture = model.Painter.Decode(
            model.Painter.Sample(noise_BCYX, model.Painter.Encode(["a red circle"]), steps: 2)
        );
        return [.. picture.data<float>().ToArray().Select(v => (int)Math.Round(255 * Math.Clamp(v, 0f, 1f)))];
    }
}
