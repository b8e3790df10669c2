using FlowBP.Families;
using FlowBP.Pictures;
using FlowBP.Training.Devices;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Tests;

/// <summary>Pictures are as high and as wide as they are asked to be, wherever the model and the judges can have it so.</summary>
public class PictureSizeTests : ShortRunTests
{
    [Test]
    public void Samples_need_not_be_square()
    {
        var settings = SampleSettings.Of(
            Values(
                ("height", "16"),
                ("width", "32"),
                ("prompt", Prompt),
                ("num_images_per_prompt", "2"),
                ("output_dir", Folder.Of("samples"))
            )
        );
        List<(int, int)> reports = [];
        var grid = PictureFile.Load(new SampleRun(settings, (done, all) => reports.Add((done, all))).Execute()!);
        var expected = Painted(Choice(("height", "16"), ("width", "32")));

        var first = PictureFile.Load(Folder.Of("samples/0000-00.png"));
        var second = PictureFile.Load(Folder.Of("samples/0000-01.png"));
        Assert.That((first.Height, first.Width, second.Height, second.Width), Is.EqualTo((16, 32, 16, 32)));
        Assert.That(first.ToPlanes(), Is.EqualTo(expected).Within(0.5 / 255 + 1e-4));
        Assert.That(second.Bytes, Is.Not.EqualTo(first.Bytes));
        // Two cells of 6 times the pixels and a frame, a gap of 16, margins of 24.
        Assert.That(grid.Width, Is.EqualTo(2 * (6 * 32 + 2) + 16 + 2 * 24));
        Assert.That(grid.Height, Is.GreaterThan(6 * 16 + 2 + 2 * 24));
        Assert.That(reports, Is.EqualTo(new[] { (2, 2) }));
    }

    [TestCase("png", ".png", 0)]
    [TestCase("webp", ".webp", 0)]
    [TestCase("jpeg", ".jpg", 24)]
    public void Samples_are_files_of_the_format_that_is_asked_for(string format, string extension, int levels)
    {
        var settings = SampleSettings.Of(
            Values(
                ("prompt", "круг, κύκλος"),
                ("num_images_per_prompt", "1"),
                ("picture_format", format),
                ("output_dir", Folder.Of(format))
            )
        );
        var grid = new SampleRun(settings, (_, _) => { }, Notices.Add).Execute();

        Assert.That(grid, Is.EqualTo(Folder.Of($"{format}/grid{extension}")));
        Assert.That(
            Directory.GetFiles(Folder.Of(format)).Select(Path.GetFileName),
            Is.EquivalentTo(new[] { $"0000-00{extension}", $"grid{extension}" })
        );
        var picture = PictureFile.Load(Folder.Of($"{format}/0000-00{extension}"));
        var all = PictureFile.Load(grid!);
        // The grid has the picture six times as large, behind a margin of 24, the title with its gap, and a frame.
        var top = all.Height - 24 - 20 - 8 - 1 - (6 * 32);
        for (var i = 0; i < 32 * 32; i++)
        {
            var (x, y) = (24 + 1 + (6 * (i % 32)) + 3, top + (6 * (i / 32)) + 3);
            for (var channel = 0; channel < 3; channel++)
            {
                int found = all.Bytes[(3 * ((y * all.Width) + x)) + channel];
                Assert.That(found, Is.EqualTo((int)picture.Bytes[(3 * i) + channel]).Within(levels));
            }
        }
        Assert.That(Notices.Where(notice => notice.Contains("font")), Is.Empty);
    }

    [Test]
    public void Pictures_that_are_not_square_are_judged_by_those_who_take_them()
    {
        Assert.That(
            () => Evaluate(("height", "16"), ("width", "32")),
            Throws
                .TypeOf<ConfigurationException>()
                .With.Message.StartsWith("the reward heldout_reward scores pictures of 32 × 32 pixels, found 16 × 32")
        );
        Assert.That(Folder.Of("evaluation"), Does.Not.Exist);
        Notices.Clear();

        var summary = Evaluate(
            ("height", "16"),
            ("width", "32"),
            ("heldout_reward", "none"),
            ("baseline", "embedded"),
            ("cfg_guidance", "2")
        );
        Assert.That(summary.Metrics.Keys, Is.EqualTo(new[] { "reward" }));
        Assert.That(summary.Metrics["reward"].Gain, Is.Zero, "the baseline is the model itself");
        Assert.That(Notices, Has.Count.EqualTo(1));
        Assert.That(Notices[0], Does.StartWith("no rule accuracy"));
    }

    [Test]
    public void A_model_is_aligned_on_pictures_that_are_not_square()
    {
        var report = Align(("height", "16"), ("width", "32"), ("heldout_reward", "none"));
        Assert.That(report.GradNorm, Is.GreaterThan(0).And.LessThan(double.PositiveInfinity));
        var pictures = PictureFile.Load(Folder.Of("run/samples/before-after.png"));
        // A header of 132 and its gap beside two cells, and the margins.
        Assert.That(pictures.Width, Is.EqualTo(132 + 16 + 2 * (6 * 32 + 2) + 16 + 2 * 24));
        Assert.That(
            Notices.Count(text => text.StartsWith("no rule accuracy", StringComparison.Ordinal)),
            Is.EqualTo(1)
        );
        using var aligned = Choice(("model", Folder.Of("run/model"))).Open(ComputeDevice.Cpu, [Prompt]);
        Assert.That(aligned.PictureSize, Is.EqualTo(new ImageSize(32, 32)), "the saved model's own size is as it was");
    }

    [TestCase("height=16", "height and width are given together")]
    [TestCase("height=20 width=32", "multiples of 16")]
    [TestCase("height=32 width=48", "found a picture of 32 × 48 pixels, expected sides of at most 32")]
    public void A_size_that_the_model_cannot_paint_is_wrong_usage(string given, string message) =>
        Assert.That(
            () =>
                Choice([.. given.Split(' ').Select(pair => (pair.Split('=')[0], pair.Split('=')[1]))])
                    .Open(ComputeDevice.Cpu, [Prompt]),
            Throws.TypeOf<ConfigurationException>().With.Message.Contains(message)
        );
}
