using FlowBP.Formats;
using FlowBP.Shapes;
using FlowBP.Training.Pretraining;

namespace FlowBP.Training.Tests;

/// <summary>Pictures with verdicts: stored, mirrored, sorted into choices.</summary>
public sealed class JudgedPicturesTests
{
    private static readonly Prompt s_left = Prompt.Parse("a photo of a circle left of a square");
    private static readonly Prompt s_one = Prompt.Parse("a circle");

    private static JudgedPictures Pictures()
    {
        var pictures = new JudgedPictures();
        var planes = new float[4 * Scene.ImageLength];
        for (var i = 0; i < planes.Length; i++)
        {
            planes[i] = i * 37 % 256 / 255f;
        }
        pictures.Add(
            [s_left, s_one, s_left, s_one],
            planes,
            [Verdict.Pass, Verdict.Pass, Verdict.Fail("no"), Verdict.Pass]
        );
        return pictures;
    }

    [Test]
    public void What_is_written_reads_back()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "set.safetensors");
        var pictures = Pictures();
        pictures.Write(path);
        var read = JudgedPictures.Read(path);
        Assert.That(read.Prompts, Is.EqualTo(pictures.Prompts));
        Assert.That(read.Passes, Is.EqualTo(new[] { true, true, false, true }));
        var (expected, actual) = (new float[Scene.ImageLength], new float[Scene.ImageLength]);
        for (var picture = 0; picture < 4; picture++)
        {
            pictures.CopyTo(picture, expected, mirrored: false);
            read.CopyTo(picture, actual, mirrored: false);
            Assert.That(actual, Is.EqualTo(expected));
            Assert.That(expected[5], Is.EqualTo((picture * Scene.ImageLength + 5) * 37 % 256 / 255f));
        }
    }

    [Test]
    public void Files_that_do_not_belong_together_are_refused()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "set.safetensors");
        Pictures().Write(path);
        File.AppendAllText(Path.ChangeExtension(path, ".txt"), "a photo of a cross\n");
        Assert.That(
            () => JudgedPictures.Read(path),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("paint the pictures anew")
        );
    }

    [Test]
    public void A_mirror_exchanges_columns_alone()
    {
        var pictures = Pictures();
        var (plain, mirrored) = (new float[Scene.ImageLength], new float[Scene.ImageLength]);
        pictures.CopyTo(1, plain, mirrored: false);
        pictures.CopyTo(1, mirrored, mirrored: true);
        for (var row = 0; row < 3 * Scene.Size; row++)
        {
            Assert.That(
                mirrored[(row * Scene.Size)..((row + 1) * Scene.Size)],
                Is.EqualTo(plain[(row * Scene.Size)..((row + 1) * Scene.Size)].Reverse())
            );
        }
    }

    [Test]
    public void A_choice_needs_both_verdicts_of_one_prompt()
    {
        var choices = Pictures().Choices();
        var task = choices.Single();
        var (passing, failing) = task.Single();
        Assert.That(passing, Is.EqualTo(new[] { 0 }));
        Assert.That(failing, Is.EqualTo(new[] { 2 }));
    }
}
