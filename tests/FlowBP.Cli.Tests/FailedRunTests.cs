namespace FlowBP.Cli.Tests;

/// <summary>Bad input that is found at run time: exit code 1, one line, and no output folder left behind.</summary>
public class FailedRunTests
{
    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    private string Output => Path.Combine(folder.Path, "out");

    private string Align(params string[] options) =>
        CommandRun
            .Of(["align", "--output_dir", Output, "--heldout_reward", "none", "--reward", "/no/reward", .. options])
            .AssertFailure();

    private string Prompts(string text) => folder.Write("prompts.txt", text);

    [TearDown]
    public void Nothing_is_left_of_a_run_that_could_not_start() => Assert.That(Output, Does.Not.Exist);

    [Test]
    public void A_missing_prompt_file_is_named() =>
        Assert.That(Align("--prompts", "/no/prompts.txt"), Does.Contain("/no/prompts.txt"));

    [TestCase("a photo of a red circle\n\na photo of a blue circle\n", "line 2 is empty")]
    [TestCase("", "holds no prompts")]
    [TestCase("\n\n", "holds no prompts")]
    public void A_bad_prompt_file_is_named_with_its_line(string text, string problem)
    {
        var file = Prompts(text);
        Assert.That(Align("--prompts", file, "--eval_prompts", file), Does.Contain(file).And.Contain(problem));
    }

    [Test]
    public void An_over_long_prompt_stops_no_run()
    {
        var file = Prompts($"a photo of a red circle\n{new string('x', 100_000)}\n");
        // The prompts are read and counted; what stops this run is a reward that is not there.
        Assert.That(
            Align("--prompts", file, "--eval_prompts", file),
            Does.Contain("/no/reward/config.json: no such file")
        );
    }

    [Test]
    public void A_CUDA_device_that_is_not_there_is_named() =>
        Assert.That(Align("--device", "cuda:63"), Does.Contain("device cuda:63 can't be used: "));

    [Test]
    public void A_missing_model_folder_is_named()
    {
        var file = Prompts("a photo of a red circle\n");
        Assert.That(
            Align("--model", "/no/model", "--prompts", file, "--eval_prompts", file),
            Does.Contain("/no/model")
        );
    }

    [Test]
    public void A_model_folder_of_something_else_is_named()
    {
        var file = Prompts("a photo of a red circle\n");
        var index = folder.Write("model/model_index.json", """{"_class_name": "PixArtAlphaPipeline"}""");
        Assert.That(
            Align("--model", Path.GetDirectoryName(index)!, "--prompts", file, "--eval_prompts", file),
            Does.Contain("PixArtAlphaPipeline").And.Contain("StableDiffusion3Pipeline")
        );
    }
}
