// Folders of prompt embeddings from strangers: the table of contents, and the shards that must agree with it.

using FlowBP.Formats;
using FlowBP.Models.Prompts;
using FlowBP.Tests.Fuzzing;
using static FlowBP.Models.Tests.TestNetworks;

namespace FlowBP.Models.Tests.Fuzzing;

public sealed class EmbeddingsFuzzTests
{
    private static readonly string[] s_prompts = ["a cat", "the sea", ""];

    private TemporaryFolder folder = null!;

    [SetUp]
    public void Write()
    {
        folder = new();
        using var scope = torch.NewDisposeScope();
        var manifest = new EmbeddingsManifest(
            new("FluxPipeline", 8, [new("text_encoder", "CLIPTextModel", "a", "b", "c")]),
            SafetensorsType.F32,
            new Dictionary<string, long[]> { [PromptTensors.Text] = [3, 2], [PromptTensors.Pooled] = [4] },
            2,
            [.. s_prompts.Select(EncoderIdentity.PromptHash)]
        );
        var writer = new PromptEmbeddingsWriter(folder.Path, manifest);
        writer.Write(0, Rows(2));
        writer.Write(1, Rows(1));
    }

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void Fuzz_tables_of_embeddings_are_read_or_refused_by_name()
    {
        var file = folder.Of(EmbeddingsManifest.FileName);
        var valid = File.ReadAllText(file);
        Check(95, file, random => System.Text.Encoding.UTF8.GetBytes(JsonMutations.Of(valid, random)));
    }

    [Test]
    public void Fuzz_shards_of_embeddings_are_read_or_refused_by_name()
    {
        var file = folder.Of(EmbeddingsManifest.ShardName(0));
        var valid = File.ReadAllBytes(file);
        Check(96, file, random => ByteMutations.Of(valid, random));
    }

    private void Check(int test, string file, Func<Random, byte[]> mutated)
    {
        var law = new ReaderLaw(folder.Path, typeof(CheckpointException));
        for (var number = 0; number < FuzzCases.Count(4000); number++)
        {
            var bytes = mutated(FuzzCases.Random(test, number));
            File.WriteAllBytes(file, bytes);
            law.Require(number, 8192 + bytes.Length, ReadAll);
        }
        law.RequireKept();
    }

    private void ReadAll()
    {
        using var scope = torch.NewDisposeScope();
        using var embeddings = PromptEmbeddings.Open(folder.Path);
        embeddings.RequireWidths(2, 4);
        embeddings.RequirePrompts(s_prompts);
        var read = embeddings.Load(s_prompts);
        Assert.That(read[PromptTensors.Text].shape, Is.EqualTo(new long[] { 3, 3, 2 }));
    }

    private static Dictionary<string, Tensor> Rows(int count) =>
        new() { [PromptTensors.Text] = Waves(count, 3, 2), [PromptTensors.Pooled] = Waves(count, 4) };
}
