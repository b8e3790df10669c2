// A low-rank adapter in a file: saved and loaded it is the same, and what can't be honoured is refused by name.

using System.Text.Json;
using FlowBP.Formats;
using FlowBP.Models.Adapters;
using static FlowBP.Models.Tests.TestNetworks;
using static FlowBP.Models.Tests.TrainedAdapters;

namespace FlowBP.Models.Tests;

public sealed class LoraFileTests
{
    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void A_saved_adapter_has_diffusers_names_and_loads_again()
    {
        using var model = Transformer();
        float[] applied;
        using (var adapter = Trained(model))
        {
            applied = Velocity(model);
            adapter.Save(folder.Of("first"));
        }
        using var loaded = LoraAdapter.Load(model, folder.Of("first"));
        loaded.Save(folder.Of("second"));

        using var file = SafetensorsFile.Open(folder.Of("first", "pytorch_lora_weights.safetensors"));
        using var metadata = JsonDocument.Parse(file.Metadata["lora_adapter_metadata"]);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Velocity(model), Is.EqualTo(applied));
            Assert.That(model.parameters().Select(p => p.requires_grad), Is.All.False);
            Assert.That(
                File.ReadAllBytes(folder.Of("second", "pytorch_lora_weights.safetensors")),
                Is.EqualTo(File.ReadAllBytes(folder.Of("first", "pytorch_lora_weights.safetensors")))
            );
            Assert.That(file.Metadata["format"], Is.EqualTo("pt"));
            Assert.That(
                file.Entries["transformer.transformer_blocks.0.attn.to_out.0.lora_A.weight"].Shape,
                Is.EqualTo(new long[] { 4, 16 })
            );
            Assert.That(
                file.Entries["transformer.transformer_blocks.0.attn.add_k_proj.lora_B.weight"].Shape,
                Is.EqualTo(new long[] { 16, 4 })
            );
            Assert.That(metadata.RootElement.GetProperty("transformer.r").GetInt32(), Is.EqualTo(4));
            Assert.That(metadata.RootElement.GetProperty("transformer.lora_alpha").GetInt32(), Is.EqualTo(6));
            Assert.That(
                metadata
                    .RootElement.GetProperty("transformer.target_modules")
                    .EnumerateArray()
                    .Select(t => t.GetString()),
                Is.EqualTo(Config.TargetModules)
            );
        }
    }

    // The strength: of the settings, of a pattern in them, of the tensor beside the factors, or 1.
    [TestCase("""{"transformer.lora_alpha":6,"transformer.r":2}""", null, 3)]
    [TestCase("""{"transformer.lora_alpha":6,"transformer.alpha_pattern":{"to_q":8}}""", null, 4)]
    [TestCase("""{"transformer.lora_alpha":6,"transformer.use_rslora":true}""", null, 4.2426406871192851)]
    [TestCase("""{"transformer.lora_alpha":6}""", 10f, 5)]
    [TestCase(null, 10f, 5)]
    [TestCase(null, null, 1)]
    public void The_strength_is_found_where_files_keep_it(string? metadata, float? alpha, double strength)
    {
        using Wide model = new();
        WriteFactors(metadata, alpha);
        using var adapter = LoraAdapter.Load(model, folder.Path);

        Assert.That(adapter.Layers.Single().Scaling, Is.EqualTo(strength).Within(1e-12));
        adapter.Save(folder.Of("again"));
        using var again = LoraAdapter.Load(model, folder.Of("again"));
        Assert.That(again.Layers.Single().Scaling, Is.EqualTo(strength).Within(1e-12));
    }

    [TestCase(
        """{"transformer.use_dora":true}""",
        "metadata 'transformer.use_dora': found true, which is not implemented"
    )]
    [TestCase("""{"transformer.bias":"all"}""", "metadata 'transformer.bias': found \"all\"")]
    [TestCase(
        """{"transformer.lora_alpha":"six"}""",
        "metadata 'transformer.lora_alpha': found \"six\", expected a number"
    )]
    [TestCase("""{"transformer.alpha_pattern":{"(":1}}""", "metadata 'transformer.alpha_pattern': found '('")]
    [TestCase("""[]""", "metadata 'lora_adapter_metadata': found no JSON object")]
    [TestCase("""{""", "metadata 'lora_adapter_metadata' is not valid JSON")]
    public void Metadata_that_cannot_be_honoured_is_refused(string metadata, string message)
    {
        WriteFactors(metadata, null);
        Refuses(message);
    }

    [TestCase("transformer.to_q.lora_A.weight", "transformer.to_q.lora_B.weight", 5, 7, "expected [2, 200]")]
    [TestCase(
        "transformer.to_x.lora_A.weight",
        "transformer.to_x.lora_B.weight",
        200,
        7,
        "Wide has no linear layer to_x"
    )]
    [TestCase(
        "transformer.to_q.lora_A.weight",
        "transformer.to_k.lora_B.weight",
        200,
        7,
        "no first factor of 'transformer.to_k' beside it, expected both factors"
    )]
    [TestCase(
        "unet.to_q.lora_A.weight",
        "unet.to_q.lora_B.weight",
        200,
        7,
        "is an adapter of a U-Net (Stable Diffusion 1, 2 or XL), expected one of Wide"
    )]
    [TestCase(
        "transformer.to_q.lora_A.weight",
        "transformer.to_q.something",
        200,
        7,
        "expected names of the form transformer.<layer>"
    )]
    [TestCase(
        "transformer.to_q.lora_A.weight",
        "transformer.to_q.lora_B.weight",
        200,
        9,
        "found Float32 [9, 2], expected [7, 2]"
    )]
    public void Factors_that_do_not_fit_are_named(string a, string b, int inputs, int outputs, string message)
    {
        using var scope = torch.NewDisposeScope();
        SafetensorsWriter.Write(
            folder.Of(LoraFile.Name),
            new Dictionary<string, Tensor> { [a] = Waves(2, inputs), [b] = Waves(outputs, 2) }
        );

        Refuses(message);
    }

    private void Refuses(string message)
    {
        using Wide model = new();
        var error = Assert.Throws<CheckpointException>(() => LoraAdapter.Load(model, folder.Path))!;
        Assert.That(error.Message, Does.StartWith(folder.Of(LoraFile.Name)).And.Contain(message).And.Not.Contain("\n"));
        Assert.That(model.parameters().Select(p => p.requires_grad), Is.All.True);
    }

    private void WriteFactors(string? metadata, float? alpha)
    {
        using var scope = torch.NewDisposeScope();
        Dictionary<string, Tensor> tensors = new()
        {
            ["transformer.to_q.lora_A.weight"] = Waves(2, Wide.Inputs),
            ["transformer.to_q.lora_B.weight"] = Waves(7, 2),
        };
        if (alpha is not null)
        {
            tensors["transformer.to_q.alpha"] = torch.tensor(alpha.Value);
        }
        Dictionary<string, string> header = new() { ["format"] = "pt" };
        if (metadata is not null)
        {
            header["lora_adapter_metadata"] = metadata;
        }
        SafetensorsWriter.Write(folder.Of(LoraFile.Name), tensors, header);
    }
}
