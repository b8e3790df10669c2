// Adapters from strangers: names, shapes, strengths in the header and beside the file.

using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using FlowBP.Formats;
using FlowBP.Models.Adapters;
using FlowBP.Tests.Fuzzing;

namespace FlowBP.Models.Tests.Fuzzing;

public sealed class AdapterFuzzTests
{
    private const string Peft = """
        {"peft_type": "LORA", "r": 4, "lora_alpha": 6, "lora_dropout": 0.0, "bias": "none", "use_dora": false, "use_rslora": false,
         "target_modules": ["to_q", "to_k"], "rank_pattern": {}, "alpha_pattern": {"transformer_blocks.0.attn.to_q": 3.5}}
        """;

    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [TestCase("header", 90)]
    [TestCase("settings", 91)]
    [TestCase("bytes", 92)]
    public void Fuzz_adapters_are_attached_or_refused_by_name(string what, int test)
    {
        using var model = TestNetworks.Transformer();
        using (var adapter = TrainedAdapters.Trained(model))
        {
            adapter.Save(folder.Path);
        }
        var file = folder.Of("pytorch_lora_weights.safetensors");
        var valid = File.ReadAllBytes(file);
        var headerBytes = (int)BinaryPrimitives.ReadInt64LittleEndian(valid);
        var tree = JsonTree.Parse(Encoding.UTF8.GetString(valid, 8, headerBytes));
        var settings = tree.Members.Single(member => member.Key == "__metadata__").Value.Members;
        var own = settings.FindIndex(member => member.Key == "lora_adapter_metadata");
        var written = JsonSerializer.Deserialize<string>(settings[own].Value.Raw)!;
        var law = new ReaderLaw(folder.Path, typeof(CheckpointException));
        for (var number = 0; number < FuzzCases.Count(2000); number++)
        {
            var random = FuzzCases.Random(test, number);
            byte[] bytes;
            switch (what)
            {
                case "header":
                    bytes = With(JsonMutations.Of(tree.ToString(), random), valid.AsSpan(8 + headerBytes));
                    break;
                case "settings":
                    var copy = tree.Copy();
                    var metadata = copy.Members.Single(member => member.Key == "__metadata__").Value.Members;
                    metadata[own] = (metadata[own].Key, JsonTree.Text(JsonMutations.Of(written, random)));
                    bytes = With(copy.ToString(), valid.AsSpan(8 + headerBytes));
                    break;
                default:
                    bytes = ByteMutations.Of(valid, random);
                    break;
            }
            File.WriteAllBytes(file, bytes);
            law.Require(number, bytes.Length, () => Attach(model, folder.Path));
        }
        law.RequireKept();
    }

    [Test]
    public void Fuzz_configurations_of_PEFT_are_honoured_or_refused_by_name()
    {
        using var model = TestNetworks.Transformer();
        using (var adapter = TrainedAdapters.Trained(model))
        {
            adapter.Save(folder.Path);
        }
        File.Move(folder.Of("pytorch_lora_weights.safetensors"), folder.Of("adapter_model.safetensors"));
        var law = new ReaderLaw(folder.Path, typeof(CheckpointException));
        for (var number = 0; number < FuzzCases.Count(2000); number++)
        {
            var text = JsonMutations.Of(Peft, FuzzCases.Random(93, number));
            File.WriteAllText(folder.Of("adapter_config.json"), text);
            law.Require(number, 20_000 + text.Length, () => Attach(model, folder.Path));
        }
        law.RequireKept();
    }

    private static void Attach(nn.Module model, string folder)
    {
        using var scope = torch.NewDisposeScope();
        using var adapter = LoraAdapter.Load(model, folder);
        foreach (var layer in adapter.Layers)
        {
            Assert.That(double.IsFinite(layer.Scaling), Is.True, layer.Path);
        }
        adapter.Detach();
    }

    private static byte[] With(string header, ReadOnlySpan<byte> data)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var bytes = new byte[8 + json.Length + data.Length];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, json.Length);
        json.CopyTo(bytes, 8);
        data.CopyTo(bytes.AsSpan(8 + json.Length));
        return bytes;
    }
}
