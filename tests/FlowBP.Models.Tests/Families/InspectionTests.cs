// Networks without memory, what they are made of, and how that compares with files.

using System.Text.Json.Nodes;
using FlowBP.Families.Inspection;
using FlowBP.Families.SD3;
using FlowBP.Formats;

namespace FlowBP.Models.Tests;

/// <summary>Layouts: parameter counts in closed form, comparison with files, files that are none.</summary>
public class InspectionTests
{
    private const string Tiny = """
        {"_class_name": "SD3Transformer2DModel", "num_layers": 2, "num_attention_heads": 2, "attention_head_dim": 8,
         "caption_projection_dim": 16, "joint_attention_dim": 12, "pooled_projection_dim": 10, "in_channels": 4,
         "out_channels": 4, "patch_size": 2, "sample_size": 8, "pos_embed_max_size": 6, "qk_norm": "rms_norm",
         "dual_attention_layers": [0]}
        """;

    private string folder = null!;

    [SetUp]
    public void CreateFolder() => folder = Directory.CreateTempSubdirectory("flowbp-inspect").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(folder, recursive: true);

    [Test]
    public void The_parameters_of_a_joint_transformer_are_those_of_its_layers()
    {
        const long D = 16;
        long Linear(long inputs, long outputs) => (inputs * outputs) + outputs;
        var embeddings =
            Linear(4 * 4, D) + Linear(256, D) + Linear(D, D) + Linear(10, D) + Linear(D, D) + Linear(12, D);
        var feedForward = Linear(D, 4 * D) + Linear(4 * D, D);
        var attention = (8 * Linear(D, D)) + (4 * 8);
        var first = Linear(D, 9 * D) + Linear(D, 6 * D) + attention + (4 * Linear(D, D)) + (2 * 8) + (2 * feedForward);
        // The last block has neither an output projection nor an MLP for the text.
        var last = Linear(D, 6 * D) + Linear(D, 2 * D) + attention - Linear(D, D) + feedForward;
        var head = Linear(D, 2 * D) + Linear(D, 2 * 2 * 4);

        var layout = LayoutOf(Tiny);

        Assert.That(layout.Parameters, Is.EqualTo(embeddings + first + last + head));
        Assert.That(layout.ByModule.Sum(entry => entry.Parameters), Is.EqualTo(layout.Parameters));
        Assert.That(
            layout.ByModule.Single(entry => entry.Module == "transformer_blocks").Parameters,
            Is.EqualTo(first + last)
        );
        Assert.That(layout.Buffers, Is.EqualTo(6 * 6 * D));
        Assert.That(
            layout.BytesByType,
            Is.EqualTo(new[] { (ScalarType.Float32, 4 * (layout.Parameters!.Value + layout.Buffers)) })
        );
    }

    [Test]
    public void A_network_without_memory_has_the_layout_of_one_with_it()
    {
        using var real = new SD3Transformer2DModel(SD3TransformerConfig.Read(ConfigReader.Parse("tiny", Tiny)));
        Assert.That(LayoutComparison.Differences(LayoutOf(Tiny), NetworkLayout.Of(real)), Is.Empty);
    }

    [Test]
    public void A_network_of_any_size_is_built_without_memory()
    {
        var huge = Tiny.Replace("\"num_attention_heads\": 2", "\"num_attention_heads\": 4096")
            .Replace("\"caption_projection_dim\": 16", "\"caption_projection_dim\": 32768")
            .Replace("\"pos_embed_max_size\": 6", "\"pos_embed_max_size\": 384");
        CountedMemory.ResetPeak();
        var before = CountedMemory.CurrentBytes;
        var layout = LayoutOf(huge);
        Assert.That(layout.Parameters, Is.GreaterThan(50_000_000_000));
        Assert.That(layout.Buffers, Is.EqualTo(384L * 384 * 32768));
        Assert.That(CountedMemory.PeakBytes - before, Is.LessThan(1 << 20));
    }

    [Test]
    public void The_default_device_is_restored_whatever_happens()
    {
        Assert.That(
            () => MetaNetwork.Build<nn.Module>(() => throw new InvalidOperationException("no network")),
            Throws.InvalidOperationException
        );
        using var tensor = torch.zeros(3);
        Assert.That(tensor.device.type, Is.EqualTo(DeviceType.CPU));
    }

    [Test]
    public void Every_kind_of_difference_is_one_line()
    {
        var file = Layout(
            "tiny.json",
            layout =>
            {
                var tensors = (JsonObject)layout["tensors"]!;
                tensors.Remove("proj_out.bias");
                tensors["surplus.weight"] = new JsonArray(3);
                tensors["proj_out.weight"] = new JsonArray(16, 8);
                layout["parameters"] = 7;
            }
        );
        var found = LayoutComparison.Differences(LayoutOf(Tiny), NetworkLayout.Read(file));
        Assert.That(
            found.Take(3),
            Is.EqualTo(
                new[]
                {
                    "missing: 'proj_out.bias' [16] is not in the file",
                    "shape: 'proj_out.weight' is [16, 8] in the file, [16, 16] in the network",
                    "extra: 'surplus.weight' [3] is not in the network",
                }
            )
        );
        Assert.That(found, Has.Count.EqualTo(4));
        Assert.That(found[3], Does.StartWith("parameters: the file says 7, the network has "));
    }

    [Test]
    public void A_tied_tensor_may_have_either_name_or_both()
    {
        var network = NetworkLayout.Read(Listing("""{"shared": [2], "rest": [3]}"""));
        var tied = new NetworkArchitecture("any", _ => throw new NotSupportedException())
        {
            Tied = new Dictionary<string, string> { ["second"] = "shared" },
            Besides = ["decoder."],
        };
        string[] accepted =
        [
            """{"shared": [2], "rest": [3]}""",
            """{"second": [2], "rest": [3]}""",
            """{"shared": [2], "rest": [3], "decoder.0.weight": [7]}""",
            """{"second": [2], "shared": [2], "rest": [3]}""",
        ];
        foreach (var tensors in accepted)
        {
            var file = NetworkLayout.Read(Listing(tensors));
            Assert.That(LayoutComparison.Differences(network, file, tied), Is.Empty, tensors);
        }
        var neither = NetworkLayout.Read(Listing("""{"rest": [3]}"""));
        Assert.That(LayoutComparison.Differences(network, neither, tied), Has.Count.EqualTo(1));
        var wrong = NetworkLayout.Read(Listing("""{"shared": [2], "second": [4], "rest": [3]}"""));
        Assert.That(LayoutComparison.Differences(network, wrong, tied), Has.One.StartsWith("shape: 'second'"));
    }

    [Test]
    public void A_checkpoint_is_compared_by_its_header_and_shards_by_their_index()
    {
        using var real = new SD3Transformer2DModel(SD3TransformerConfig.Read(ConfigReader.Parse("tiny", Tiny)));
        var whole = Path.Combine(folder, "whole.safetensors");
        Checkpoint.Save(real, whole);
        Assert.That(LayoutComparison.Differences(LayoutOf(Tiny), NetworkLayout.Read(whole)), Is.Empty);

        var map = new JsonObject(
            LayoutOf(Tiny).Tensors.Keys.Select(name => KeyValuePair.Create(name, (JsonNode?)"whole.safetensors"))
        );
        var index = Write("model.safetensors.index.json", new JsonObject { ["weight_map"] = map }.ToJsonString());
        Assert.That(LayoutComparison.Differences(LayoutOf(Tiny), NetworkLayout.Read(index)), Is.Empty);

        map["proj_out.weight"] = "../whole.safetensors";
        Write("model.safetensors.index.json", new JsonObject { ["weight_map"] = map.DeepClone() }.ToJsonString());
        Assert.That(
            () => NetworkLayout.Read(index),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("in the index's own folder")
        );
    }

    [TestCase("""{"_class_name": "UNet2DConditionModel"}""", "found architecture UNet2DConditionModel")]
    [TestCase("""{"architectures": ["LlamaForCausalLM"], "hidden_size": 8}""", "found architecture LlamaForCausalLM")]
    [TestCase("""{"hidden_size": 8}""", "keys of no known network")]
    [TestCase("""{"model": "mystery", "config": {"a": 1}, "parameters": 1, "tensors": {}}""", "found model mystery")]
    [TestCase("""{"config": [], "parameters": 1, "tensors": {}}""", "is no layout file")]
    [TestCase("""{"config": {}, "tensors": {}}""", "is no layout file")]
    [TestCase("[]", "found no JSON object")]
    [TestCase("{", "is not valid JSON")]
    public void What_is_no_configuration_is_refused_in_one_line(string text, string message) =>
        Assert.That(
            () => NetworkConfig.Read(Write("config.json", text)),
            Throws.TypeOf<CheckpointException>().With.Message.Contains(message).And.Message.Not.Contains("\n")
        );

    [Test]
    public void A_whole_Qwen3_has_an_output_projection_of_its_own_unless_that_is_tied()
    {
        long Parameters(string tied)
        {
            var config =
                """{"architectures": ["Qwen3ForCausalLM"], "vocab_size": 50, "hidden_size": 8, "head_dim": 4}""";
            var json = (JsonObject)JsonNode.Parse(config)!;
            json["num_hidden_layers"] = 1;
            json["num_attention_heads"] = 2;
            json["num_key_value_heads"] = 2;
            json["intermediate_size"] = 16;
            json["tie_word_embeddings"] = tied == "tied";
            return LayoutOf(json.ToJsonString()).Parameters!.Value;
        }
        Assert.That(Parameters("apart") - Parameters("tied"), Is.EqualTo(50 * 8));
    }

    [Test]
    public void A_missing_key_is_named()
    {
        var config = NetworkConfig.Read(Write("config.json", """{"model_type": "image_text_matching"}"""));
        Assert.That(
            () => config[0].Build(),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("key 'vocab_size': found none")
        );
    }

    [TestCase("""{"tensors": {"a": "b"}}""", "expected a shape")]
    [TestCase("""{"tensors": {"a": [-1]}}""", "expected a shape")]
    [TestCase("""{"tensors": {}, "parameters": "many"}""", "expected the number of parameters")]
    [TestCase("""{"weight_map": {"a": 3}}""", "a file name")]
    [TestCase("""{"weight_map": {"a": "gone.safetensors"}}""", "gone.safetensors")]
    [TestCase("{}", "found no tensors")]
    public void What_lists_no_tensors_is_refused_in_one_line(string text, string message) =>
        Assert.That(
            () => NetworkLayout.Read(Write("file.json", text)),
            Throws.TypeOf<CheckpointException>().With.Message.Contains(message)
        );

    [Test]
    public void A_layout_names_the_size_by_its_width_alone()
    {
        var file = Write(
            "clip-l-text.json",
            """{"model": "clip-l-text", "config": {"hidden_size": 768}, "parameters": 123650304, "tensors": {}}"""
        );
        using var network = NetworkConfig.Read(file)[0].Build();
        Assert.That(NetworkLayout.Of(network).Parameters, Is.EqualTo(123_650_304));
    }

    [TestCase("t5-xxl-encoder", "d_model", 4096, 4_762_310_656)]
    [TestCase("qwen3-8b", "hidden_size", 4096, 7_568_405_504)]
    [TestCase("clip-bigg-text", "hidden_size", 1280, 694_659_840)]
    public void The_width_of_a_released_encoder_tells_the_rest(string model, string key, int width, long parameters)
    {
        var layout = new JsonObject
        {
            ["model"] = model,
            ["config"] = new JsonObject { [key] = width },
            ["parameters"] = parameters,
            ["tensors"] = new JsonObject(),
        };
        var file = Write("layout.json", layout.ToJsonString());
        using var network = NetworkConfig.Read(file)[0].Build();
        Assert.That(NetworkLayout.Of(network).Parameters, Is.EqualTo(parameters));
    }

    [TestCase("sd3.5-medium-transformer", 2_243_171_520)]
    [TestCase("sd3-flux1-vae", 83_819_683)]
    [TestCase("clip-l-text", 123_650_304)]
    [TestCase("clip-bigg-text", 694_659_840)]
    [TestCase("t5-xxl-encoder", 4_762_310_656)]
    [TestCase("flux.1-dev-transformer", 11_901_408_320)]
    [TestCase("flux.2-klein-9b-transformer", 9_078_581_248)]
    [TestCase("flux.2-vae", 84_046_115)]
    public void Released_networks_have_exactly_the_tensors_of_their_layout(string model, long parameters)
    {
        var file = SharedFolder.Require($"goldens/full_size/{model}.json");
        var config = NetworkConfig.Read(file)[0];
        using var network = config.Build();
        var layout = NetworkLayout.Of(network);
        Assert.That(layout.Parameters, Is.EqualTo(parameters));
        Assert.That(LayoutComparison.Differences(layout, NetworkLayout.Read(file), config.Architecture), Is.Empty);
    }

    private NetworkLayout LayoutOf(string config)
    {
        using var network = NetworkConfig.Read(Write("config.json", config))[0].Build();
        return NetworkLayout.Of(network);
    }

    private string Layout(string name, Action<JsonObject> change)
    {
        var layout = LayoutOf(Tiny);
        var json = new JsonObject
        {
            ["config"] = JsonNode.Parse(Tiny),
            ["parameters"] = layout.Parameters,
            ["tensors"] = new JsonObject(
                layout.Tensors.Select(pair =>
                    KeyValuePair.Create(
                        pair.Key,
                        (JsonNode?)new JsonArray([.. pair.Value.Shape.Select(extent => (JsonNode)extent)])
                    )
                )
            ),
        };
        change(json);
        return Write(name, json.ToJsonString());
    }

    private string Listing(string tensors) => Write("listing.json", $$"""{"tensors": {{tensors}}}""");

    private string Write(string name, string text)
    {
        var file = Path.Combine(folder, name);
        File.WriteAllText(file, text);
        return file;
    }
}
