// Saving: what the ecosystem's loaders find, the same bytes each time, and nothing half-done.

using System.Text.Json;
using FlowBP.Families;
using FlowBP.Formats;

namespace FlowBP.Models.Tests;

public sealed class SavedShardsTests
{
    private const string Weights = "diffusion_pytorch_model.safetensors";

    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void Tensors_are_cut_in_their_order_where_diffusers_would_cut_them()
    {
        // 6, 6, 2, 6, 2 and 2 units with 10 at most are, in the order of their names, 6 | 6 + 2 | 6 + 2 + 2, and 11 alone.
        using var scope = torch.NewDisposeScope();
        using var module = new Sizes(6, 6, 2, 6, 2, 2, 11);
        Checkpoint.Save(module, folder.Of(Weights), maxShardBytes: 10 * sizeof(float));

        using var index = JsonDocument.Parse(File.ReadAllText(folder.Of(Weights + ".index.json")));
        var map = index
            .RootElement.GetProperty("weight_map")
            .EnumerateObject()
            .ToDictionary(p => p.Name, p => p.Value.GetString()!);

        static string Shard(int i) => $"diffusion_pytorch_model-0000{i}-of-00004.safetensors";
        Assert.That(
            index.RootElement.GetProperty("metadata").GetProperty("total_size").GetInt64(),
            Is.EqualTo(35 * sizeof(float))
        );
        Assert.That(
            Enumerable.Range(0, 7).Select(i => map[$"p{i}"]),
            Is.EqualTo(new[] { Shard(1), Shard(2), Shard(2), Shard(4), Shard(4), Shard(4), Shard(3) })
        );
        Assert.That(Directory.GetFiles(folder.Path), Has.Length.EqualTo(5));
    }

    [Test]
    public void The_index_has_the_ecosystem_s_form()
    {
        using var module = new Sizes(3, 3);
        Checkpoint.Save(module, folder.Of(Weights), maxShardBytes: 12);

        Assert.That(
            File.ReadAllText(folder.Of(Weights + ".index.json")),
            Is.EqualTo(
                """
                {
                  "metadata": {
                    "total_size": 24
                  },
                  "weight_map": {
                    "p0": "diffusion_pytorch_model-00001-of-00002.safetensors",
                    "p1": "diffusion_pytorch_model-00002-of-00002.safetensors"
                  }
                }

                """
            )
        );
    }

    [TestCase(4000)]
    [TestCase(Checkpoint.DefaultShardBytes)]
    public void Saving_loading_and_saving_again_gives_the_same_bytes(long maxShardBytes)
    {
        using var model = TestNetworks.Transformer();
        var config = model.Config.ToJson();
        ModuleFolder.WriteNetwork(folder.Of("first"), config, model, maxShardBytes: maxShardBytes);

        using var loaded = ModelFamilies.SD35.LoadTransformer(folder.Of("first"));
        ModuleFolder.WriteNetwork(folder.Of("second"), loaded.ConfigJson, loaded, maxShardBytes: maxShardBytes);

        var files = Names(folder.Of("first"));
        Assert.That(Names(folder.Of("second")), Is.EqualTo(files));
        Assert.That(files, maxShardBytes > 4000 ? Has.Length.EqualTo(2) : Has.Length.GreaterThan(5));
        foreach (var file in files)
        {
            Assert.That(
                File.ReadAllBytes(folder.Of("second", file)),
                Is.EqualTo(File.ReadAllBytes(folder.Of("first", file))),
                file
            );
        }
    }

    [Test]
    public void What_a_former_save_left_in_another_layout_is_removed()
    {
        using var module = new Sizes(3, 3, 3);
        Checkpoint.Save(module, folder.Of(Weights), maxShardBytes: 12);
        Checkpoint.Save(module, folder.Of(Weights), maxShardBytes: 24);
        Assert.That(
            Names(folder.Path),
            Is.EqualTo(
                new[]
                {
                    "diffusion_pytorch_model-00001-of-00002.safetensors",
                    "diffusion_pytorch_model-00002-of-00002.safetensors",
                    Weights + ".index.json",
                }
            )
        );
        Checkpoint.Save(module, folder.Of(Weights));
        Assert.That(Names(folder.Path), Is.EqualTo(new[] { Weights }));
        Checkpoint.Save(module, folder.Of(Weights), maxShardBytes: 24);
        Assert.That(Names(folder.Path), Has.Length.EqualTo(3).And.None.EqualTo(Weights));
    }

    [Test]
    public void A_save_that_fails_leaves_the_former_one_as_it_was()
    {
        using var module = new Sizes(3, 3);
        Checkpoint.Save(module, folder.Of(Weights), maxShardBytes: 12);
        byte[][] before = [.. Names(folder.Path).Select(name => File.ReadAllBytes(folder.Of(name)))];
        // A parameter without memory can't be written: the second of three shards fails.
        using var refused = new Sizes(3, 3, 3);
        refused.get_parameter("p1")!.Become(torch.empty(3, device: torch.META));

        Assert.That(() => Checkpoint.Save(refused, folder.Of(Weights), maxShardBytes: 12), Throws.Exception);
        Assert.That(Names(folder.Path).Select(name => File.ReadAllBytes(folder.Of(name))), Is.EqualTo(before));
    }

    [Test]
    public void Files_get_their_names_only_when_all_of_them_are_written()
    {
        File.WriteAllText(folder.Of("a"), "old");
        using (var files = new AtomicFileSet())
        {
            files.Add(folder.Of("a"), stream => stream.WriteByte((byte)'n'));
            Assert.That(
                () => files.Add(folder.Of("b"), _ => throw new IOException("No space left on device")),
                Throws
                    .TypeOf<CheckpointException>()
                    .With.Message.EqualTo($"{folder.Of("b")}: cannot be written: No space left on device")
            );
        }

        Assert.That(File.ReadAllText(folder.Of("a")), Is.EqualTo("old"));
        Assert.That(Names(folder.Path), Is.EqualTo(new[] { "a" }));
    }

    private static string[] Names(string folder) =>
        [.. Directory.GetFiles(folder).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    private sealed class Sizes : nn.Module
    {
        public Sizes(params int[] sizes)
            : base(nameof(Sizes))
        {
            for (var i = 0; i < sizes.Length; i++)
            {
                register_parameter($"p{i}", nn.Parameter(TestNetworks.Waves(sizes[i])));
            }
        }
    }
}
