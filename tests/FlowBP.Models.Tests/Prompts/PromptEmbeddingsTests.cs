// Embeddings on disk: what is read is what was written, and whatever could make it something else is an error with a name.

using FlowBP.Formats;
using FlowBP.Models.Prompts;
using static FlowBP.Models.Tests.TestNetworks;

namespace FlowBP.Models.Tests;

public sealed class PromptEmbeddingsTests
{
    private static readonly string[] Prompts = ["", "a", "b", "c", "d"];

    private static readonly EncoderIdentity Encoder = new(
        "FluxPipeline",
        512,
        [new EncoderPart("text_encoder", "CLIPTextModel", "c0", "w0", "t0")]
    );

    private string root = "";

    private string Folder => Path.Combine(root, "embeddings");

    [SetUp]
    public void CreateFolder() => root = Directory.CreateTempSubdirectory("flowbp-embeddings-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(root, recursive: true);

    [TestCase(SafetensorsType.F32)]
    [TestCase(SafetensorsType.BF16)]
    public void Prompts_are_found_in_any_order_with_the_written_numbers(SafetensorsType type)
    {
        using var scope = torch.NewDisposeScope();
        WriteAll(type);
        using var embeddings = PromptEmbeddings.Open(Folder);

        var found = embeddings.Load(["d", "a", "d", ""], ScalarType.Float32);

        var text = Text().to_type(type.ToScalarType()).to_type(ScalarType.Float32);
        var rows = torch.stack([text[4], text[1], text[4], text[0]]);
        Assert.That(Values(found[PromptTensors.Text]), Is.EqualTo(Values(rows)));
        Assert.That(found[PromptTensors.Text].shape, Is.EqualTo(new long[] { 4, 3, 2 }));
        Assert.That(found[PromptTensors.Pooled].shape, Is.EqualTo(new long[] { 4, 4 }));
        Assert.That(embeddings.Load(["a"])[PromptTensors.Text].dtype, Is.EqualTo(type.ToScalarType()));
    }

    [Test]
    public void A_changed_byte_is_noticed_where_it_is_read_and_nowhere_else()
    {
        WriteAll();
        var shard = Path.Combine(Folder, EmbeddingsManifest.ShardName(1));
        var bytes = File.ReadAllBytes(shard);
        bytes[^1] ^= 1; // the last number of the pooled text of the shard's last prompt
        File.WriteAllBytes(shard, bytes);
        using var embeddings = PromptEmbeddings.Open(Folder);

        Assert.That(() => embeddings.Load(["b", "a"]), Throws.Nothing);
        Assert.That(
            () => embeddings.Load(["c"]),
            Throws.TypeOf<CheckpointException>().With.Message.StartsWith(shard).And.Message.Contains("damaged")
        );
    }

    [Test]
    public void A_missing_shard_is_named_before_training_begins()
    {
        WriteAll();
        var shard = Path.Combine(Folder, EmbeddingsManifest.ShardName(2));
        File.Delete(shard);
        using var embeddings = PromptEmbeddings.Open(Folder);

        Assert.That(
            () => embeddings.RequirePrompts(["a"]),
            Throws.TypeOf<CheckpointException>().With.Message.StartsWith(shard).And.Message.Contains("no such file")
        );
        Assert.That(() => embeddings.Load(["a"]), Throws.Nothing);
    }

    [Test]
    public void A_shard_of_another_place_is_refused()
    {
        WriteAll();
        File.Copy(
            Path.Combine(Folder, EmbeddingsManifest.ShardName(0)),
            Path.Combine(Folder, EmbeddingsManifest.ShardName(1)),
            overwrite: true
        );
        using var embeddings = PromptEmbeddings.Open(Folder);

        Assert.That(
            () => embeddings.Load(["b"]),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("is not a shard of this folder")
        );
    }

    [Test]
    public void A_prompt_without_an_embedding_is_named_and_the_others_counted()
    {
        WriteAll();
        using var embeddings = PromptEmbeddings.Open(Folder);

        Assert.That(embeddings.Contains("a"), Is.True);
        Assert.That(
            () => embeddings.RequirePrompts(["a", "x", "y", "x"]),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("no embedding of 'x' and 1 more")
        );
        Assert.That(
            () => embeddings.Load(["a", "x"]),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("no embedding of 'x';")
        );
    }

    [Test]
    public void Embeddings_of_another_encoder_or_length_are_refused_by_name()
    {
        WriteAll();
        using var embeddings = PromptEmbeddings.Open(Folder);
        var part = Encoder.Parts[0];

        Assert.That(() => embeddings.RequireEncoder(Encoder), Throws.Nothing);
        foreach (
            var (other, named) in new[]
            {
                (Encoder with { MaxSequenceLength = 256 }, "found prompts of 512 tokens, expected 256"),
                (Encoder with { Pipeline = "Flux2KleinPipeline" }, "found encoders of FluxPipeline"),
                (Encoder with { Parts = [part with { Weights = "w1" }] }, "another weights of text_encoder (w0)"),
                (Encoder with { Parts = [part with { Tokenizer = "t1" }] }, "another tokenizer"),
                (Encoder with { Parts = [part with { Folder = "text_encoder_2" }] }, "expected none"),
                (Encoder with { Parts = [part, part with { Folder = "text_encoder_3" }] }, "no use of text_encoder_3"),
            }
        )
        {
            Assert.That(
                () => embeddings.RequireEncoder(other),
                Throws.TypeOf<CheckpointException>().With.Message.Contains(named)
            );
        }
    }

    [TestCase(2, 4, null)]
    [TestCase(3, 4, "prompt_embeds")]
    [TestCase(2, 5, "pooled_prompt_embeds")]
    [TestCase(2, null, "pooled_prompt_embeds")]
    public void Widths_are_compared_with_the_transformers(int text, int? pooled, string? named)
    {
        WriteAll();
        using var embeddings = PromptEmbeddings.Open(Folder);
        Assert.That(
            () => embeddings.RequireWidths(text, pooled),
            named is null ? Throws.Nothing : Throws.TypeOf<CheckpointException>().With.Message.Contains($"'{named}'")
        );
    }

    [Test]
    public void Going_on_keeps_what_is_whole_and_takes_new_prompts_at_the_end()
    {
        WriteAll();
        var longer = Manifest([.. Prompts, "e", "f"]);
        var first = File.ReadAllBytes(Path.Combine(Folder, EmbeddingsManifest.ShardName(0)));

        var writer = new PromptEmbeddingsWriter(Folder, longer);

        Assert.That(writer.IsFinished(0, out var problem), Is.True, problem);
        Assert.That(writer.IsFinished(1, out _), Is.True);
        Assert.That(writer.IsFinished(2, out problem), Is.False);
        Assert.That(problem, Does.Contain("not a shard of this folder"));
        Assert.That(writer.IsFinished(3, out problem), Is.False);
        Assert.That(problem, Is.Null);
        Assert.That(File.ReadAllBytes(Path.Combine(Folder, EmbeddingsManifest.ShardName(0))), Is.EqualTo(first));
    }

    [Test]
    public void Nothing_of_another_run_is_replaced()
    {
        WriteAll();
        var before = File.ReadAllText(Path.Combine(Folder, EmbeddingsManifest.FileName));
        var same = Manifest(Prompts);
        foreach (
            var (other, named) in new[]
            {
                (same with { Encoder = Encoder with { MaxSequenceLength = 77 } }, "expected 77"),
                (same with { ShardSize = 3 }, "shard_size"),
                (same with { Type = SafetensorsType.BF16 }, "dtype"),
                (Manifest(["", "b", "a", "c", "d"]), "other prompts"),
                (Manifest(["", "a"]), "other prompts"),
            }
        )
        {
            Assert.That(
                () => new PromptEmbeddingsWriter(Folder, other),
                Throws.TypeOf<CheckpointException>().With.Message.Contains(named)
            );
        }
        Assert.That(File.ReadAllText(Path.Combine(Folder, EmbeddingsManifest.FileName)), Is.EqualTo(before));
        File.WriteAllText(Path.Combine(root, "notes.txt"), "mine");
        Assert.That(
            () => new PromptEmbeddingsWriter(root, same),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("something else")
        );
    }

    [Test]
    public void A_number_that_is_none_is_never_written()
    {
        using var scope = torch.NewDisposeScope();
        var writer = new PromptEmbeddingsWriter(Folder, Manifest(Prompts));
        Assert.That(
            () => writer.Write(0, Rows(0, 2, float.NaN)),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("not finite")
        );
        Assert.That(File.Exists(Path.Combine(Folder, EmbeddingsManifest.ShardName(0))), Is.False);
    }

    [TestCase("\"flowbp-prompt-embeddings/1\"", "\"other/9\"", "format")]
    [TestCase("\"shard_size\": 2", "\"shard_size\": 0", "shard_size")]
    [TestCase("\"dtype\": \"F32\"", "\"dtype\": \"F8\"", "'F8'")]
    [TestCase("\"class\"", "\"klass\"", "encoder.parts[0].class")]
    [TestCase("\"dtype\"", "\"dtipe\"", "dtype")]
    public void A_damaged_table_of_contents_is_named(string text, string change, string named)
    {
        WriteAll();
        var file = Path.Combine(Folder, EmbeddingsManifest.FileName);
        var content = File.ReadAllText(file);
        Assert.That(content, Does.Contain(text));
        File.WriteAllText(file, content.Replace(text, change, StringComparison.Ordinal));
        Assert.That(
            () => PromptEmbeddings.Open(Folder),
            Throws.TypeOf<CheckpointException>().With.Message.StartsWith(file).And.Message.Contains(named)
        );
    }

    private static EmbeddingsManifest Manifest(
        IReadOnlyList<string> prompts,
        SafetensorsType type = SafetensorsType.F32
    ) =>
        new(
            Encoder,
            type,
            new Dictionary<string, long[]> { [PromptTensors.Text] = [3, 2], [PromptTensors.Pooled] = [4] },
            2,
            [.. prompts.Select(EncoderIdentity.PromptHash)]
        );

    private static Tensor Text() => Waves(5, 3, 2);

    private static Dictionary<string, Tensor> Rows(int first, int count, float factor = 1) =>
        new()
        {
            [PromptTensors.Text] = Text().narrow(0, first, count) * factor,
            [PromptTensors.Pooled] = Waves(5, 4).narrow(0, first, count),
        };

    private void WriteAll(SafetensorsType type = SafetensorsType.F32)
    {
        using var scope = torch.NewDisposeScope();
        var writer = new PromptEmbeddingsWriter(Folder, Manifest(Prompts, type));
        writer.Write(0, Rows(0, 2));
        writer.Write(1, Rows(2, 2));
        writer.Write(2, Rows(4, 1));
    }
}
