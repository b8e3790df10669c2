using FlowBP.Pictures;
using FlowBP.RandomStreams;
using FlowBP.Surrogates;
using FlowBP.Training.Configuration;
using FlowBP.Training.FlowMatching;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Ranks;

namespace FlowBP.Training.Tests;

/// <summary>Folders of pictures with captions: what is read, and what is refused.</summary>
public class PictureFolderTests
{
    private TemporaryFolder folder = null!;

    private static IEnumerable<string> Families => TinyModels.Writers.Keys;

    [SetUp]
    public void Open() => folder = new();

    [TearDown]
    public void Close() => folder.Dispose();

    [Test]
    public void Captions_lie_beside_the_pictures()
    {
        Picture("b.png", 20);
        Picture("a.webp", 10);
        folder.Write("a.txt", "a dog\n");
        folder.Write("b.txt", "  two cats, in the rain \r\n\r\n");
        var pictures = new PictureFolder(folder.Path);
        Assert.That(pictures.Captions, Is.EqualTo(new[] { "a dog", "two cats, in the rain" }));
        Assert.That(() => pictures.Check(new(16, 24)), Throws.Nothing);
        Assert.That(Planes(pictures, 1), Is.All.EqualTo(20 / 255f));
        Assert.That(Planes(pictures, 0), Is.All.EqualTo(10 / 255f));
    }

    [TestCase("")]
    [TestCase("/")]
    public void Captions_are_lines_of_metadata(string end)
    {
        Picture("1.png", 1);
        Directory.CreateDirectory(folder.Of("more"));
        Picture("more/2.png", 2);
        folder.Write(
            "metadata.jsonl",
            "{\"file_name\": \"more/2.png\", \"text\": \"second\", \"source\": 3}\n\n{\"file_name\": \"1.png\", \"text\": \"first\"}\n"
        );
        var pictures = new PictureFolder(folder.Path + end);
        Assert.That(pictures.Captions, Is.EqualTo(new[] { "second", "first" }));
        Assert.That(Planes(pictures, 0), Is.All.EqualTo(2 / 255f));
    }

    [Test]
    public void What_is_no_picture_with_a_caption_is_named()
    {
        Refused("holds no pictures");
        Picture("a.png", 1);
        Refused("a.png has no caption; expected it in", "a.txt");
        folder.Write("a.txt", " \n");
        Refused("a.txt holds 0 lines of text");
        folder.Write("a.txt", "one\ntwo\n");
        Refused("a.txt holds 2 lines of text, expected one caption");
        folder.Write("a.txt", "one");
        folder.Write("c.txt", "three");
        Refused("c.txt is a caption without a picture");
        File.Delete(folder.Of("c.txt"));
        folder.Write("metadata.csv", "file_name,text");
        Refused("metadata.csv is not read");
        File.Delete(folder.Of("metadata.csv"));
        Assert.That(new PictureFolder(folder.Path).Captions, Is.EqualTo(new[] { "one" }));
        Assert.That(
            () => new PictureFolder(folder.Of("none")),
            Throws.TypeOf<InvalidDataException>().With.Message.Contains("is no folder")
        );
    }

    [TestCase("{\"file_name\": \"a.png\"}", "line 1 has no text 'text'")]
    [TestCase("{\"text\": \"a\"}", "line 1 has no text 'file_name'")]
    [TestCase("[]", "line 1 has no text 'file_name'")]
    [TestCase("{\"file_name\": \"a.png\", \"text\": \" \"}", "the caption of 'a.png' is empty")]
    [TestCase("{\"file_name\": \"b.png\", \"text\": \"b\"}", "there is no picture 'b.png'")]
    [TestCase("{\"file_name\": \"../b.png\", \"text\": \"b\"}", "'../b.png' lies outside of the folder")]
    [TestCase("{\"file_name\": \"/b.png\", \"text\": \"b\"}", "'/b.png' lies outside of the folder")]
    [TestCase("no object", "line 1 is no JSON")]
    [TestCase("", "a.png has no caption; expected a line in")]
    public void Lines_of_metadata_that_are_not_understood_are_named(string line, string message)
    {
        Picture("a.png", 1);
        folder.Write("metadata.jsonl", line + "\n");
        Refused(message);
    }

    [Test]
    public void Pictures_that_can_not_be_read_or_have_another_size_are_named()
    {
        Picture("a.png", 1);
        folder.Write("a.txt", "one");
        Assert.That(
            () => new PictureFolder(folder.Path).Check(new(24, 16)),
            Throws
                .TypeOf<InvalidDataException>()
                .With.Message.Contains("a.png has 16 × 24 pixels")
                .And.Message.Contains("24 × 16")
        );
        folder.Write("a.png", "no picture");
        Assert.That(
            () => new PictureFolder(folder.Path).Check(new(16, 24)),
            Throws.TypeOf<InvalidDataException>().With.Message.Contains("a.png")
        );
    }

    [TestCaseSource(nameof(Families))]
    public void Every_family_takes_the_loss_of_a_folder(string family)
    {
        TinyModels.Writers[family](folder.Of("model"));
        Directory.CreateDirectory(folder.Of("data"));
        for (var i = 0; i < 3; i++)
        {
            var image = new RgbImage(TinyModels.Side, TinyModels.Side);
            var stream = RandomStream.For(1, i, 0, RandomPurpose.Data);
            foreach (ref var level in image.Bytes.AsSpan())
            {
                level = (byte)stream.NextInt(256);
            }
            PictureFile.Save(folder.Of("data", $"{i}.png"), image);
            folder.Write($"data/{i}.txt", $"picture {i}");
        }
        var config = AlignmentConfig.Resolve([
            new("flow_matching_weight", "2"),
            new("flow_matching_data", folder.Of("data")),
            new("flow_matching_batch_size", "5"),
            new("flow_matching_times", "uniform"),
            new("train_batch_size", "2"),
        ]);
        using var scope = torch.NewDisposeScope();
        using var model = new TextToImage(ModelFolder.At(folder.Of("model"), 2), prompts: new TinyModels.Prompts());
        var schedule = model.Schedule(8);
        var term = FlowMatchingTerm.Of(config, model, [], schedule)!;
        var report = term.Accumulate(new(model.Field, schedule, model.Compute.Kernels), 0, RankGroup.Alone);
        var gradients = Gradients(model);
        foreach (var parameter in model.Model.Transformer.parameters())
        {
            parameter.grad = null;
        }

        // As one batch, through the whole network.
        var data = term.Draw(0, 0, 5);
        var t_B = torch.tensor(data.Times.Select(t => (float)t).ToArray());
        var t_B111 = t_B.reshape(5, 1, 1, 1);
        var v_B = Fields
            .Whole(model.Model.Transformer, guidance: 2)
            .Forward(data.Latents_B * (1 - t_B111) + data.Noise_B * t_B111, t_B, data.Conditioning);
        var loss = F.mse_loss(v_B, data.Noise_B - data.Latents_B) * 2;
        loss.backward();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(data.Latents_B.shape[1..], Is.EqualTo(model.LatentShape));
            Assert.That(report.Loss, Is.EqualTo(loss.item<float>()).Within(0.001).Percent);
            Assert.That(report.Evaluations, Is.EqualTo(new Evaluations(3, 5)));
            var expected = Gradients(model);
            var difference = gradients.Zip(expected, (one, other) => (one - other) * (one - other)).Sum();
            Assert.That(Math.Sqrt(difference / expected.Sum(value => value * value)), Is.LessThan(1e-4));
        }
    }

    private static double[] Gradients(TextToImage model) =>
        [
            .. model
                .Model.Transformer.parameters()
                .SelectMany(parameter =>
                    parameter.grad is { } gradient ? Numbers(gradient) : new double[parameter.numel()]
                ),
        ];

    private static float[] Planes(PictureFolder pictures, int picture)
    {
        var planes = new float[3 * 16 * 24];
        pictures.Fill(picture, RandomStream.For(0, 0, 0, RandomPurpose.FlowMatching), planes);
        return planes;
    }

    private void Picture(string name, byte level)
    {
        var image = new RgbImage(24, 16);
        image.Bytes.AsSpan().Fill(level);
        PictureFile.Save(folder.Of(name), image);
    }

    private void Refused(params string[] messages)
    {
        foreach (var message in messages)
        {
            Assert.That(
                () => new PictureFolder(folder.Path),
                Throws.TypeOf<InvalidDataException>().With.Message.Contains(message)
            );
        }
    }
}
