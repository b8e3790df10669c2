// Whole model folders from strangers: a configuration asks for a network, and its weights are what they are.

using FlowBP.Families;
using FlowBP.Formats;
using FlowBP.Tests.Fuzzing;

namespace FlowBP.Training.Tests.Fuzzing;

public sealed class ModelFolderFuzzTests
{
    private static readonly string[] s_families = [.. TinyModels.Writers.Keys];

    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [TestCaseSource(nameof(s_families))]
    public void Fuzz_model_folders_are_read_or_refused_by_name(string family)
    {
        TinyModels.Writers[family](folder.Path);
        string[] files =
        [
            .. Directory
                .EnumerateFiles(folder.Path, "*.json", SearchOption.AllDirectories)
                .Order(StringComparer.Ordinal),
        ];
        var bytes = Directory
            .EnumerateFiles(folder.Path, "*", SearchOption.AllDirectories)
            .Sum(file => new FileInfo(file).Length);
        var law = new ReaderLaw(folder.Path, typeof(CheckpointException));
        for (var number = 0; number < FuzzCases.Count(600); number++)
        {
            var random = FuzzCases.Random(110 + Array.IndexOf(s_families, family), number);
            var file = HostileValues.Of(random, files);
            var valid = File.ReadAllText(file);
            File.WriteAllText(file, JsonMutations.Of(valid, random));
            law.Require(number, bytes, () => StoredModel.Load(folder.Path, new TinyModels.Prompts()).Dispose());
            File.WriteAllText(file, valid);
        }
        law.RequireKept();
    }

    // Sizes that their product makes terabytes, or layers that would be built one by one until the memory ends.
    [TestCase("transformer", "\"attention_head_dim\": 8", "\"attention_head_dim\": 8000000", "asks for a network of")]
    [TestCase("transformer", "\"num_layers\": 2", "\"num_layers\": 1000000000", "an integer up to 256")]
    [TestCase("transformer", "\"pos_embed_max_size\": 8", "\"pos_embed_max_size\": 40000", "asks for a network of")]
    [TestCase(
        "transformer",
        "\"joint_attention_dim\": 12",
        "\"joint_attention_dim\": 2000000000",
        "asks for a network of"
    )]
    [TestCase("vae", "16\n  ]", "1600000\n  ]", "asks for a network of")]
    [TestCase("vae", "\"layers_per_block\": 1", "\"layers_per_block\": 250", "asks for a network of")]
    public void Fuzz_a_network_larger_than_its_weights_is_refused_before_it_takes_memory(
        string part,
        string from,
        string to,
        string said
    )
    {
        TinyModels.WriteSD3(folder.Path);
        var file = folder.Of(part, "config.json");
        var text = File.ReadAllText(file);
        var changed = text.Replace(from, to, StringComparison.Ordinal);
        if (from.Contains("attention_head_dim", StringComparison.Ordinal))
        {
            changed = changed.Replace("\"caption_projection_dim\": 16", "\"caption_projection_dim\": 16000000");
        }
        Assert.That(changed, Is.Not.EqualTo(text), text);
        File.WriteAllText(file, changed);
        var before = Environment.WorkingSet;

        Assert.That(
            () => StoredModel.Load(folder.Path, new TinyModels.Prompts()),
            Throws.TypeOf<CheckpointException>().With.Message.StartsWith(file).And.Message.Contains(said)
        );
        Assert.That(Environment.WorkingSet - before, Is.LessThan(400L << 20));
    }
}
