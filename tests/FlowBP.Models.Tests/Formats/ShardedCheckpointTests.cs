// Weights in several files: what an index may say, what it may not, and what loading costs.

using FlowBP.Families.SD3;
using FlowBP.Formats;

namespace FlowBP.Models.Tests;

public sealed class ShardedCheckpointTests
{
    private TemporaryFolder folder = null!;

    private string Index => folder.Of("model.safetensors.index.json");

    [SetUp]
    public void CreateFolder() => folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void A_model_loads_from_shards_by_file_name_by_index_and_by_folder()
    {
        using var saved = TestNetworks.Transformer();
        Checkpoint.Save(saved, folder.Of("diffusion_pytorch_model.safetensors"), maxShardBytes: 4000);

        foreach (
            var path in new[]
            {
                folder.Of("diffusion_pytorch_model.safetensors"),
                folder.Of("diffusion_pytorch_model.safetensors.index.json"),
                folder.Path,
            }
        )
        {
            using var loaded = new SD3Transformer2DModel(TestNetworks.TransformerConfig);
            Checkpoint.LoadInto(loaded, path);
            Assert.That(Bytes(loaded), Is.EqualTo(Bytes(saved)), path);
        }
        Assert.That(Directory.GetFiles(folder.Path, "*-of-*.safetensors"), Has.Length.GreaterThan(3));
    }

    [Test]
    public void Values_arrive_in_the_type_of_the_parameter()
    {
        using var saved = TestNetworks.Transformer();
        Checkpoint.Save(saved, folder.Of("model.safetensors"), maxShardBytes: 4000);
        using var loaded = new SD3Transformer2DModel(TestNetworks.TransformerConfig).to(ScalarType.BFloat16);
        Checkpoint.LoadInto(loaded, folder.Path);
        using var rounded = TestNetworks.Transformer().to(ScalarType.BFloat16);

        Assert.That(loaded.parameters().Select(p => p.dtype), Is.All.EqualTo(ScalarType.BFloat16));
        Assert.That(Bytes(loaded), Is.EqualTo(Bytes(rounded)));
    }

    [Test]
    public void Strided_tensors_receive_rows()
    {
        using var scope = torch.NewDisposeScope();
        SafetensorsWriter.Write(
            folder.Of("x.safetensors"),
            new Dictionary<string, Tensor> { ["x"] = TestNetworks.Waves(3, 5) }
        );
        using var file = SafetensorsFile.Open(folder.Of("x.safetensors"));
        var transposed = torch.zeros(5, 3).transpose(0, 1);

        file.CopyInto("x", transposed);

        Assert.That(TensorValues.Values(transposed), Is.EqualTo(TensorValues.Values(TestNetworks.Waves(3, 5))));
    }

    [Test]
    public void A_missing_shard_is_named()
    {
        WriteTwoShards();
        File.Delete(folder.Of("model-00002-of-00002.safetensors"));

        Refuses("1 of 2 shards are missing beside it: model-00002-of-00002.safetensors");
    }

    [TestCase("/etc/passwd")]
    [TestCase("../model.safetensors")]
    [TestCase("sub/model.safetensors")]
    [TestCase("..\\\\model.safetensors")]
    [TestCase("C:model.safetensors")]
    [TestCase("")]
    [TestCase("..")]
    [TestCase("notes.txt")]
    [TestCase("model.safetensors.index.json")]
    public void An_index_that_points_elsewhere_is_refused(string file)
    {
        WriteIndex($$"""{ "weight_map": { "a": "{{file}}" } }""");

        Refuses("tensor 'a': found the file '");
    }

    [Test]
    public void A_tensor_that_its_shard_does_not_have_is_named()
    {
        WriteTwoShards();
        WriteIndex(
            """
            {"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors",
             "c":"model-00002-of-00002.safetensors"}}
            """
        );

        Refuses("tensor 'c': found no such tensor in model-00002-of-00002.safetensors, expected it there");
    }

    [Test]
    public void A_tensor_in_two_shards_is_refused()
    {
        WriteTwoShards(second: "a");
        WriteIndex(
            """{"weight_map":{"a":"model-00001-of-00002.safetensors","x":"model-00002-of-00002.safetensors"}}"""
        );

        Refuses("tensor 'a': found it in model-00001-of-00002.safetensors and in model-00002-of-00002.safetensors");
    }

    [TestCase("""{"weight_map":{"a":"model-1.safetensors","a":"model-2.safetensors"}}""", "is no index")]
    [TestCase("""{"weight_map":{}}""", "found an empty 'weight_map'")]
    [TestCase("""{"metadata":{}}""", "found no object 'weight_map'")]
    [TestCase("""[]""", "found no object 'weight_map'")]
    [TestCase("""{"weight_map":{"a":1}}""", "tensor 'a': found Number, expected a file name")]
    [TestCase("""{"weight_map":""", "is no index")]
    [TestCase("", "is no index")]
    public void An_index_that_is_none_is_refused(string json, string message)
    {
        WriteIndex(json);

        Refuses(message);
    }

    [Test]
    public void A_damaged_shard_is_named()
    {
        WriteTwoShards();
        File.WriteAllBytes(folder.Of("model-00002-of-00002.safetensors"), new byte[7]);

        Refuses("model-00002-of-00002.safetensors: found 7 bytes, expected at least 8", startsWithIndex: false);
    }

    [Test]
    public void A_folder_without_weights_is_named() =>
        Assert.That(
            () => Checkpoint.Open(folder.Path),
            Throws.TypeOf<CheckpointException>().With.Message.Contains($"{folder.Path}: found no weights")
        );

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    [TestCase(float.NegativeInfinity)]
    public void A_weight_that_is_not_finite_is_named(float value)
    {
        foreach (var stored in new[] { ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float16 })
        {
            using var scope = torch.NewDisposeScope();
            using var layer = nn.Linear(40, 30);
            var tensors = layer.state_dict().ToDictionary(p => p.Key, p => p.Value.alias());
            var values = new float[1200];
            values[1111] = value;
            tensors["weight"] = torch.tensor(values).reshape(30, 40).to_type(stored);
            SafetensorsWriter.Write(folder.Of("model.safetensors"), tensors);

            Assert.That(
                () => Checkpoint.LoadInto(layer, folder.Path),
                Throws
                    .TypeOf<CheckpointException>()
                    .With.Message.Contains(
                        $"tensor 'weight': found NaN or infinity at element 1111 of {stored} [30, 40]"
                    )
            );
        }
    }

    [Test]
    public void The_first_of_many_bad_values_is_named_wherever_it_lies()
    {
        using var scope = torch.NewDisposeScope();
        foreach (var first in new long[] { 0, 3_000_001, 8_999_999 })
        {
            using var layer = nn.Linear(3000, 3000, hasBias: false);
            using var bad = torch.zeros(9_000_000);
            bad.narrow(0, first, 9_000_000 - first).fill_(float.NaN);
            SafetensorsWriter.Write(
                folder.Of("model.safetensors"),
                new Dictionary<string, Tensor> { ["weight"] = bad.reshape(3000, 3000) }
            );

            Assert.That(
                () => Checkpoint.LoadInto(layer, folder.Path),
                Throws.TypeOf<CheckpointException>().With.Message.Contains($"at element {first} of")
            );
        }
    }

    [Test]
    public void A_mask_of_minus_infinity_is_a_buffer_s_right_and_NaN_is_not()
    {
        using var scope = torch.NewDisposeScope();
        using var masked = new Masked();
        void Write(float value) =>
            SafetensorsWriter.Write(
                folder.Of("model.safetensors"),
                new Dictionary<string, Tensor> { ["mask"] = torch.full([2, 2], value) }
            );

        Write(float.NegativeInfinity);
        Checkpoint.LoadInto(masked, folder.Path);
        Write(float.NaN);

        Assert.That(TensorValues.Values(masked.mask), Is.All.EqualTo(float.NegativeInfinity));
        Assert.That(
            () => Checkpoint.LoadInto(masked, folder.Path),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("tensor 'mask': found NaN at element 0")
        );
    }

    [Test]
    public void A_weight_that_was_stored_as_integers_is_refused()
    {
        using var scope = torch.NewDisposeScope();
        using var layer = nn.Linear(2, 2, hasBias: false);
        SafetensorsWriter.Write(
            folder.Of("model.safetensors"),
            new Dictionary<string, Tensor> { ["weight"] = torch.zeros(2, 2, dtype: ScalarType.Int64) }
        );

        Assert.That(
            () => Checkpoint.LoadInto(layer, folder.Path),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.Contains("tensor 'weight': found Int64, expected values of Float32")
        );
    }

    [Test]
    public void Tensors_can_go_by_other_names_and_be_left_out()
    {
        using var scope = torch.NewDisposeScope();
        using var layer = nn.Linear(3, 2);
        SafetensorsWriter.Write(
            folder.Of("model.safetensors"),
            new Dictionary<string, Tensor>
            {
                ["encoder.weight"] = TestNetworks.Waves(2, 3),
                ["tied.weight"] = TestNetworks.Waves(2, 3),
                ["encoder.bias"] = TestNetworks.Waves(2),
                ["decoder.weight"] = TestNetworks.Waves(7),
            }
        );
        using var renamed = new RenamedCheckpoint(
            Checkpoint.Open(folder.Path),
            name => name.StartsWith("decoder.", StringComparison.Ordinal) ? null : name[(name.IndexOf('.') + 1)..]
        );

        Checkpoint.LoadInto(layer, renamed);

        Assert.That(TensorValues.Values(layer.weight!), Is.EqualTo(TensorValues.Values(TestNetworks.Waves(2, 3))));
        Assert.That(TensorValues.Values(layer.bias!), Is.EqualTo(TensorValues.Values(TestNetworks.Waves(2))));
        Assert.That(
            () => new RenamedCheckpoint(Checkpoint.Open(folder.Path), _ => "one"),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("which goes by the same name")
        );
    }

    private void WriteTwoShards(string second = "b")
    {
        using var scope = torch.NewDisposeScope();
        SafetensorsWriter.Write(
            folder.Of("model-00001-of-00002.safetensors"),
            new Dictionary<string, Tensor> { ["a"] = torch.ones(3) }
        );
        Dictionary<string, Tensor> tensors = new() { [second] = torch.ones(3), ["x"] = torch.ones(3) };
        SafetensorsWriter.Write(folder.Of("model-00002-of-00002.safetensors"), tensors);
        WriteIndex(
            """{"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}"""
        );
    }

    private void WriteIndex(string json) => File.WriteAllText(Index, json);

    private void Refuses(string message, bool startsWithIndex = true)
    {
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(Index).Dispose())!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Message, Does.Contain(message));
            Assert.That(error.Message, startsWithIndex ? Does.StartWith(Index) : Does.StartWith(folder.Path));
            Assert.That(error.Message, Does.Not.Contain('\n'));
        }
    }

    private static byte[] Bytes(nn.Module module) =>
        [.. module.state_dict().SelectMany(pair => pair.Value.detach().bytes.ToArray())];

    private sealed class Masked : nn.Module
    {
        public readonly Tensor mask = torch.zeros(2, 2);

        public Masked()
            : base(nameof(Masked)) => RegisterComponents();
    }
}
