// Checkpoints under the names that the families were published with load into the same network, alone or with the rest of a model.

using FlowBP.Families;
using FlowBP.Formats;
using static FlowBP.Models.Tests.TestNetworks;

namespace FlowBP.Models.Tests;

public sealed class OriginalCheckpointTests
{
    private static readonly Dictionary<
        string,
        (Func<nn.Module> New, Func<string, string?, nn.Module> Load, string Config)
    > Families = new()
    {
        ["SD3"] = (() => Transformer(), ModelFamilies.SD35.LoadTransformer, TransformerConfig.ToJson()),
        ["FLUX.1"] = (() => Flux(), ModelFamilies.Flux1.LoadTransformer, FluxConfig.ToJson()),
        ["FLUX.2"] = (() => Flux2(), ModelFamilies.Flux2.LoadTransformer, Flux2Config.ToJson()),
    };

    private static readonly string[] Names = [.. Families.Keys];

    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void The_original_names_load_as_diffusers_names_do(
        [ValueSource(nameof(Names))] string family,
        [Values("", "model.diffusion_model.")] string prefix,
        [Values] bool isGiven
    )
    {
        using var scope = torch.NewDisposeScope();
        using var network = Families[family].New();
        var file = Write(network, family, prefix);

        using var loaded = Families[family].Load(folder.Path, isGiven ? file : null);

        Same(loaded, network);
    }

    [Test]
    public void An_all_in_one_file_gives_its_transformer_and_says_what_is_not_read(
        [ValueSource(nameof(Names))] string family
    )
    {
        using var scope = torch.NewDisposeScope();
        using var network = Families[family].New();
        Write(
            network,
            family,
            "model.diffusion_model.",
            ("first_stage_model.decoder.conv_in.weight", torch.ones(2)),
            ("text_encoders.clip_l.transformer.text_model.final_layer_norm.weight", torch.ones(2))
        );
        List<string> notices = [];

        using (LoadingNotices.To(notices.Add))
        {
            using var loaded = Families[family].Load(folder.Path, null);
            Same(loaded, network);
        }

        Assert.That(notices, Has.Some.EndsWith("what else it holds (CLIP-L, an autoencoder) is not read"));
    }

    [Test]
    public void A_number_in_the_place_of_a_layer_is_refused()
    {
        using var scope = torch.NewDisposeScope();
        using var network = Families["SD3"].New();
        var tensors = OriginalForm.Of(network);
        tensors["context_embedder.weight"] = torch.tensor(1f);
        folder.Write("config.json", Families["SD3"].Config);
        SafetensorsWriter.Write(folder.Of("diffusion_pytorch_model.safetensors"), tensors);

        Assert.That(
            () => Families["SD3"].Load(folder.Path, null),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.EndsWith(
                    "tensor 'context_embedder.weight': found Float32 [], expected 16 rows: 16 of context_embedder"
                )
        );
    }

    [TestCase("FLUX.1", "SD3", "holds the original weights of FLUX.1, expected those of Stable Diffusion 3")]
    [TestCase("SD3", "FLUX.2", "holds the original weights of Stable Diffusion 3, expected those of FLUX.2")]
    public void Another_familys_file_is_named(string written, string read, string message)
    {
        using var scope = torch.NewDisposeScope();
        using var network = Families[written].New();
        Write(network, written, "");
        File.WriteAllText(folder.Of("config.json"), Families[read].Config);

        Assert.That(
            () => Families[read].Load(folder.Path, null),
            Throws.TypeOf<CheckpointException>().With.Message.Contains(message)
        );
    }

    [Test]
    public void A_fused_tensor_of_other_rows_and_an_unknown_one_are_named()
    {
        using var scope = torch.NewDisposeScope();
        using nn.Module network = Flux();
        Write(network, "FLUX.1", "", ("double_blocks.0.img_attn.qkv.weight", torch.ones(47, 16)));
        Assert.That(
            () => Families["FLUX.1"].Load(folder.Path, null),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.Contains("double_blocks.0.img_attn.qkv.weight")
                .And.Message.Contains("expected 48 rows: 16 + 16 + 16")
        );

        Write(network, "FLUX.1", "", ("double_blocks.0.surprise.weight", torch.ones(2)));
        Assert.That(
            () => Families["FLUX.1"].Load(folder.Path, null),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("'double_blocks.0.surprise.weight'")
        );
    }

    [Test]
    public void What_a_file_is_is_said_in_words()
    {
        using var scope = torch.NewDisposeScope();
        using nn.Module network = Flux();
        var file = Write(network, "FLUX.1", "model.diffusion_model.", ("vae.decoder.conv_in.weight", torch.ones(2)));
        var other = folder.Of("other.safetensors");
        string Described(string name)
        {
            SafetensorsWriter.Write(other, new Dictionary<string, Tensor> { [name] = torch.ones(2) });
            return SingleFile.Describe(other);
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                SingleFile.Describe(file),
                Is.EqualTo("is a single-file checkpoint of FLUX.1 under its original names, with an autoencoder")
            );
            Assert.That(SingleFile.FamilyOf(file), Is.EqualTo(ModelFamilies.Flux1));
            Assert.That(
                Described("model.diffusion_model.input_blocks.0.0.weight"),
                Does.Contain("Stable Diffusion 1, 2 or XL")
            );
            Assert.That(
                Described("transformer.x.lora_A.weight"),
                Does.Contain("adapter").And.Contain("--lora_weights")
            );
            Assert.That(Described("decoder.up.0.block.0.conv1.weight"), Does.Contain("autoencoder"));
            Assert.That(Described("something"), Does.Contain("not known").And.Contain("something"));
        }
    }

    private static void Same(nn.Module loaded, nn.Module network)
    {
        var expected = network.state_dict();
        foreach (var (name, tensor) in loaded.state_dict())
        {
            Assert.That(Values(tensor), Is.EqualTo(Values(expected[name])), name);
        }
    }

    private string Write(nn.Module network, string family, string prefix, params (string Name, Tensor Tensor)[] more)
    {
        var tensors = OriginalForm.Of(network).ToDictionary(pair => prefix + pair.Key, pair => pair.Value.detach());
        foreach (var (name, tensor) in more)
        {
            tensors[name] = tensor;
        }
        File.WriteAllText(folder.Of("config.json"), Families[family].Config);
        var file = folder.Of("flux1-dev.safetensors");
        SafetensorsWriter.Write(file, tensors);
        return file;
    }
}
