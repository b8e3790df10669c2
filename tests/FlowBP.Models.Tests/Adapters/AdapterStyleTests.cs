// One random adapter, written as each trainer writes it, changes the weights by the same arithmetic.

using FlowBP.Formats;
using FlowBP.Models.Adapters;
using static FlowBP.Models.Tests.AdaptedFamilies;
using static FlowBP.Models.Tests.TestNetworks;
using static FlowBP.Tests.AdapterChange;

namespace FlowBP.Models.Tests;

public sealed class AdapterStyleTests
{
    private static readonly string[] StyleNames = [.. AdapterStyle.All.Keys];

    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void Every_style_merges_to_the_same_weights(
        [ValueSource(typeof(AdaptedFamilies), nameof(Names))] string family,
        [ValueSource(nameof(StyleNames))] string style
    )
    {
        using var scope = torch.NewDisposeScope();
        using var model = New(family);
        var expected = Merged(model, family, (alpha, rank) => alpha / rank);

        SafetensorsWriter.Write(
            folder.Of("a style-000001000.safetensors"),
            Written(model, family, AdapterStyle.All[style], withAlpha: true)
        );
        MergesTo(model, folder.Path, expected);
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
        using var model = New("FLUX.1");
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
        using var model = New(family);
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
}
