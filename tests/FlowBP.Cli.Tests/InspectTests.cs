using System.Text.Json.Nodes;

namespace FlowBP.Cli.Tests;

/// <summary>`inspect` describes networks without making them, and ends with 1 where a file differs.</summary>
public class InspectTests
{
    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void A_model_folder_is_described_part_by_part()
    {
        var run = CommandRun.Of("inspect");
        Assert.That((run.ExitCode, run.Error), Is.EqualTo((0, "")));
        Assert.That(run.OutputLines, Has.Some.EqualTo("transformer: SD3Transformer2DModel"));
        Assert.That(run.OutputLines, Has.Some.EqualTo("vae: AutoencoderKL"));
        Assert.That(run.OutputLines, Has.Some.EqualTo("text_encoder: CLIPTextModelWithProjection"));
        Assert.That(run.OutputLines[^1], Does.StartWith("3 networks, 3,411,975 parameters"));
    }

    [Test]
    public void Its_own_weights_don_t_differ_and_those_of_another_network_do()
    {
        var model = Training.EmbeddedAssets.Model;
        var config = Path.Combine(model, "vae");
        var same = CommandRun.Of(
            "inspect",
            "--config",
            config,
            "--compare",
            Path.Combine(config, "diffusion_pytorch_model.safetensors")
        );
        Assert.That(same.ExitCode, Is.Zero, same.Output);
        Assert.That(same.OutputLines[^1], Does.StartWith("no differences to "));
        var other = CommandRun.Of(
            "inspect",
            "--config",
            config,
            "--compare",
            Path.Combine(model, "transformer", "diffusion_pytorch_model.safetensors")
        );
        Assert.That((other.ExitCode, other.Error), Is.EqualTo((1, "")));
        Assert.That(other.OutputLines, Has.Some.StartsWith("missing: 'decoder.conv_in.bias' [64]"));
        Assert.That(other.OutputLines, Has.Some.StartsWith("extra: 'proj_out.bias' [4]"));
        Assert.That(other.OutputLines[^1], Does.Match("^271 differences to "));
    }

    [Test]
    public void What_it_prints_as_json_is_a_layout_file()
    {
        var config = Path.Combine(Training.EmbeddedAssets.Model, "transformer");
        var run = CommandRun.Of("inspect", "--config", config, "--json");
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        var json = JsonNode.Parse(run.Output)!.AsObject();
        Assert.That((long)json["parameters"]!, Is.EqualTo(2_285_828));
        Assert.That((string)json["architecture"]!, Is.EqualTo("SD3Transformer2DModel"));
        Assert.That(json["tensors"]!["pos_embed.pos_embed"]!.ToJsonString(), Is.EqualTo("[1,64,128]"));

        var layout = folder.Write("layout.json", run.Output);
        Assert.That(CommandRun.Of("inspect", "--config", layout, "--compare", layout).ExitCode, Is.Zero);
        ((JsonObject)json["tensors"]!).Remove("proj_out.bias");
        var changed = folder.Write("changed.json", json.ToJsonString());
        var compared = CommandRun.Of("inspect", "--config", layout, "--compare", changed, "--json");
        Assert.That(compared.ExitCode, Is.EqualTo(1));
        Assert.That(
            (string)JsonNode.Parse(compared.Output)!["differences"]![0]!,
            Is.EqualTo("missing: 'proj_out.bias' [4] is not in the file")
        );
    }

    [Test]
    public void Every_tensor_is_listed_on_request()
    {
        var config = Path.Combine(Training.EmbeddedAssets.Model, "text_encoder");
        var run = CommandRun.Of("inspect", "--config", config, "--tensors");
        Assert.That(run.OutputLines, Has.Some.EqualTo("text_projection.weight [96, 96]"));
    }

    [Test]
    public void Several_networks_can_t_be_compared_with_one_file() =>
        Assert.That(
            CommandRun.Of("inspect", "--compare", "x.json").AssertUsageError(),
            Does.Contain("holds several networks (text_encoder, transformer, vae)")
        );

    [Test]
    public void A_missing_configuration_is_a_failure() =>
        Assert.That(
            CommandRun.Of("inspect", "--config", "/no/such/folder").AssertFailure(),
            Does.EndWith("/no/such/folder: no such file or folder")
        );

    [Test]
    public void An_unknown_architecture_is_a_failure_that_names_the_known_ones()
    {
        var config = folder.Write("config.json", """{"_class_name": "UNet2DConditionModel"}""");
        Assert.That(
            CommandRun.Of("inspect", "--config", config).AssertFailure(),
            Does.Contain("found architecture UNet2DConditionModel, expected one of SD3Transformer2DModel")
        );
    }
}
