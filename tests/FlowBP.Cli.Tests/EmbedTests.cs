namespace FlowBP.Cli.Tests;

/// <summary>`embed` says what it wrote, goes on with what is there, and refuses what the encoders can't do.</summary>
public class EmbedTests
{
    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void The_embedded_model_embeds_a_file_and_keeps_what_is_there()
    {
        var first = Embed();
        Assert.That(first.ExitCode, Is.Zero, first.Error);
        Assert.That(first.OutputLines[0], Is.EqualTo("3 prompts, the empty one included, in 1 file"));
        Assert.That(first.OutputLines, Has.Some.Match(@"^prompt_embeds \[16, \d+\] each$"));
        Assert.That(first.OutputLines, Has.None.Contain("kept"));
        Assert.That(Embed().OutputLines, Has.Some.EqualTo("already there, verified and kept: 1 file"));
    }

    [Test]
    public void A_length_that_the_encoders_do_not_have_is_wrong_usage() =>
        Assert.That(
            Embed("--max_sequence_length", "300").AssertUsageError(),
            Does.Contain("found 300, expected 16: this model has no T5")
        );

    [Test]
    public void A_folder_of_something_else_is_left_alone()
    {
        folder.Write("out/notes.txt", "mine");
        Assert.That(Embed().AssertFailure(), Does.Contain("holds something else than prompt embeddings"));
    }

    [Test]
    public void A_missing_model_is_named() =>
        Assert.That(
            Embed("--model", Path.Combine(folder.Path, "none")).AssertFailure(),
            Does.Contain("none/model_index.json: no such file")
        );

    private CommandRun Embed(params string[] more) =>
        CommandRun.Of([
            "embed",
            "--prompts",
            folder.Write("prompts.txt", "a red circle\na blue square\n"),
            "--output",
            Path.Combine(folder.Path, "out"),
            "--device",
            "cpu",
            .. more,
        ]);
}
