namespace FlowBP.Cli.Tests;

/// <summary>Prompts, seeds and scales as they are typed.</summary>
public class SampleOptionTests
{
    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [TestCase("--prompt", "")]
    [TestCase("--prompt=")]
    [TestCase("--prompt", "none")]
    [TestCase("--prompt=--no text, a red circle")]
    [TestCase("--prompt=--height")]
    [TestCase("--prompt=a=b")]
    [TestCase("--prompt", "-1 apples")]
    [TestCase("--prompt", "@home")]
    public void Any_text_is_a_prompt_and_one_prompt_is_painted(params string[] prompt)
    {
        Painted("out", prompt);
        Assert.That(
            Directory.GetFiles(System.IO.Path.Combine(folder.Path, "out"), "0*.png").Select(Path.GetFileName),
            Is.EqualTo(new[] { "0000-00.png" })
        );
    }

    [Test]
    public void A_prompt_and_a_file_of_prompts_contradict_each_other() =>
        Assert.That(
            Sample("out", "--prompt", "a", "--prompts", "p.txt").Error,
            Does.Contain("give one of --prompt and --prompts")
        );

    [Test]
    public void A_length_that_the_encoders_cannot_have_is_wrong_usage()
    {
        var run = Sample("out", "--prompt", "a", "--max_sequence_length", "5000");
        Assert.That(run.ExitCode, Is.EqualTo(2), run.Error);
        Assert.That(run.Error.TrimEnd('\n').Split('\n')[^1], Does.StartWith("flowbp: max_sequence_length: found 5000"));
        Assert.That(run.Error, Does.Not.Contain("FLOWBP_DEBUG"));
    }

    [Test]
    public void An_option_is_still_no_value() =>
        Assert.That(
            Sample("out", "--prompt", "--heigth").AssertUsageError(),
            Does.Contain("option --prompt needs a value")
        );

    [Test]
    public void Seeds_have_63_bits_and_each_has_noise_of_its_own()
    {
        byte[][] pictures =
        [
            .. new[] { "0", "4294967296", "4294967297", "9223372036854775807" }.Select(seed =>
            {
                Painted(seed, "--prompt", "a red circle", "--seed", seed);
                return File.ReadAllBytes(Path.Combine(System.IO.Path.Combine(folder.Path, seed), "0000-00.png"));
            }),
        ];
        Assert.That(pictures.Select(Convert.ToBase64String).Distinct().Count(), Is.EqualTo(4));
        Assert.That(
            Sample("more", "--seed", "9223372036854775808").AssertUsageError(),
            Does.Contain("seed must be an integer from 0 to 2^63 - 1")
        );
    }

    [Test]
    public void A_scale_needs_an_adapter() =>
        Assert.That(
            Sample("out", "--prompt", "a", "--lora_scale", "0.5").Error,
            Does.Contain("lora_scale has no meaning without lora_weights")
        );

    private void Painted(string name, params string[] options)
    {
        var run = Sample(name, options);
        Assert.That(run.ExitCode, Is.Zero, run.Error);
    }

    private CommandRun Sample(string name, params string[] options) =>
        CommandRun.Of([
            "sample",
            "--num_images_per_prompt",
            "1",
            "--sampling_steps",
            "1",
            "--output_dir",
            System.IO.Path.Combine(folder.Path, name),
            .. options,
        ]);
}
