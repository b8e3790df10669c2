using FlowBP.Families;
using FlowBP.Formats;
using FlowBP.Models.Prompts;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Tests;

/// <summary>Embeddings computed before are those that training would compute; a stopped run goes on where it was.</summary>
public class EmbedRunTests
{
    private const string TooLong =
        "a red circle and a blue square and a green triangle and a red circle and a blue square and a green triangle";

    private static readonly string[] Lines = ["a red circle", "two blue squares", "a red circle", "a green triangle"];

    private readonly List<string> notices = [];
    private TemporaryFolder folder = null!;

    private string Output => folder.Of("embeddings");

    [SetUp]
    public void CreateFolder()
    {
        folder = new();
        notices.Clear();
    }

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void They_are_what_the_model_makes_of_the_prompts()
    {
        using var scope = torch.NewDisposeScope();
        var summary = Run(Lines);
        Assert.That((summary.Prompts, summary.Shards, summary.Kept), Is.EqualTo((4, 2, 0)));
        using var embeddings = PromptEmbeddings.Open(Output);
        embeddings.RequireEncoder(PromptEncoders.IdentityOf(EmbeddedAssets.Model));
        embeddings.RequirePrompts([.. Lines, ""]);
        using var model = StoredModel.Load(EmbeddedAssets.Model);
        embeddings.RequireWidths(model.Transformer.TextWidth, model.Transformer.PooledWidth);

        var found = embeddings.Load([.. Lines, ""]);
        var expected = model.Prompts.Encode([.. Lines, ""]);

        // Other batches sum in another order.
        foreach (
            var (mine, reference) in new[]
            {
                (found[PromptTensors.Text], expected[PromptTensors.Text]),
                (found[PromptTensors.Pooled], expected[PromptTensors.Pooled]),
            }
        )
        {
            Assert.That(Largest(mine - reference) / Largest(reference), Is.LessThan(1e-5));
        }
    }

    [Test]
    public void In_bfloat16_they_are_rounded_and_half_the_size()
    {
        using var scope = torch.NewDisposeScope();
        var exact = Run(Lines);
        var rounded = Run(Lines, ("dtype", "bf16"), ("output", folder.Of("rounded")));
        Assert.That((double)rounded.Bytes / exact.Bytes, Is.EqualTo(0.5).Within(0.05));
        using var one = PromptEmbeddings.Open(Output);
        using var other = PromptEmbeddings.Open(folder.Of("rounded"));

        var reference = one.Load(Lines)[PromptTensors.Text];
        var difference = other.Load(Lines, ScalarType.Float32)[PromptTensors.Text] - reference;

        // Three layers in bfloat16, whose rounding is 2^-9 relative.
        Assert.That(Largest(difference) / Largest(reference), Is.InRange(1e-5, 3e-2));
    }

    [Test]
    public void A_stopped_run_goes_on_where_it_was()
    {
        Run(Lines);
        var first = File.ReadAllBytes(Shard(0));
        var second = File.ReadAllBytes(Shard(1));
        var written = File.GetLastWriteTimeUtc(Shard(0));
        File.Delete(Shard(1));

        var summary = Run(Lines);

        Assert.That(summary.Kept, Is.EqualTo(1));
        Assert.That(File.GetLastWriteTimeUtc(Shard(0)), Is.EqualTo(written));
        Assert.That(File.ReadAllBytes(Shard(0)), Is.EqualTo(first));
        Assert.That(File.ReadAllBytes(Shard(1)), Is.EqualTo(second));
        Assert.That(Run(Lines).Kept, Is.EqualTo(2));
    }

    [Test]
    public void A_damaged_file_is_computed_again_and_said_so()
    {
        Run(Lines);
        var whole = File.ReadAllBytes(Shard(1));
        var damaged = (byte[])whole.Clone();
        damaged[^5] ^= 8;
        File.WriteAllBytes(Shard(1), damaged);

        Assert.That(Run(Lines).Kept, Is.EqualTo(1));
        Assert.That(notices, Has.Some.StartsWith("computed again: ").And.Contain("damaged"));
        Assert.That(File.ReadAllBytes(Shard(1)), Is.EqualTo(whole));
    }

    [Test]
    public void A_wish_to_stop_leaves_whole_files_only()
    {
        using var stop = new CancellationTokenSource();
        Assert.That(
            () => Run(Lines, (done, _) => Stop(stop, done), stop.Token),
            Throws.InstanceOf<OperationCanceledException>()
        );
        Assert.That(File.Exists(Shard(0)), Is.True);
        Assert.That(Directory.EnumerateFiles(Output).Select(Path.GetFileName), Has.None.EndsWith(".tmp"));
        Assert.That(Run(Lines).Kept, Is.EqualTo(1));
    }

    [Test]
    public void A_prompt_longer_than_the_encoder_takes_is_truncated_with_a_notice()
    {
        using var scope = torch.NewDisposeScope();
        var summary = Run([TooLong]);
        Assert.That(summary.Truncated, Is.EqualTo(1));
        Assert.That(
            notices,
            Has.One.Match(
                "^1 of 2 prompts are truncated, the first is 'a red circle.*…': CLIP takes 16 of its [0-9]+ tokens$"
            )
        );
        using var embeddings = PromptEmbeddings.Open(Output);
        Assert.That(embeddings.Load([TooLong])[PromptTensors.Text].shape[1], Is.EqualTo(16));
    }

    [Test]
    public void Embeddings_of_another_kind_are_left_alone()
    {
        Run(Lines);
        var before = File.ReadAllBytes(Shard(0));
        Assert.That(
            () => Run(Lines, ("dtype", "bf16")),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("found F32, expected BF16 (dtype)")
        );
        Assert.That(File.ReadAllBytes(Shard(0)), Is.EqualTo(before));
    }

    [Test]
    public void A_model_without_text_encoders_in_memory_is_saved_with_those_of_its_folder()
    {
        using var scope = torch.NewDisposeScope();
        using (var model = StoredModel.Load(EmbeddedAssets.Model, new TinyModels.Prompts()))
        {
            model.Save(folder.Of("model"));
        }
        using var saved = StoredModel.Load(folder.Of("model"));
        using var original = StoredModel.Load(EmbeddedAssets.Model);
        Assert.That(
            Largest(
                saved.Prompts.Encode(Lines)[PromptTensors.Text] - original.Prompts.Encode(Lines)[PromptTensors.Text]
            ),
            Is.Zero
        );
        Assert.That(
            PromptEncoders.IdentityOf(folder.Of("model")).Difference(PromptEncoders.IdentityOf(EmbeddedAssets.Model)),
            Is.Null
        );
    }

    private static void Stop(CancellationTokenSource stop, int done)
    {
        if (done >= 3)
        {
            stop.Cancel();
        }
    }

    private static double Largest(Tensor difference) => difference.abs().max().item<float>();

    private string Shard(int number) => Path.Combine(Output, EmbeddingsManifest.ShardName(number));

    private EmbedSummary Run(IEnumerable<string> lines, params (string, string)[] settings) =>
        Run(lines, null, default, settings);

    private EmbedSummary Run(
        IEnumerable<string> lines,
        Action<int, int>? report,
        CancellationToken cancellation,
        params (string Name, string Value)[] settings
    )
    {
        var values = new Dictionary<string, string>
        {
            ["prompts"] = folder.Write("prompts.txt", string.Join('\n', lines)),
            ["output"] = Output,
            ["shard_size"] = "2",
            ["batch_size"] = "1",
            ["dtype"] = "fp32",
            ["device"] = "cpu",
        };
        foreach (var (name, value) in settings)
        {
            values[name] = value;
        }
        return new EmbedRun(EmbedSettings.Table.Bind("embed", values), report ?? ((_, _) => { }), notices.Add).Execute(
            cancellation
        );
    }
}
