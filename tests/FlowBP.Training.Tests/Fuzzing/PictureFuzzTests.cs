// Pictures and their captions from strangers.

using System.Text;
using FlowBP.Families;
using FlowBP.Pictures;
using FlowBP.Tests.Fuzzing;
using FlowBP.Training.FlowMatching;

namespace FlowBP.Training.Tests.Fuzzing;

public sealed class PictureFuzzTests
{
    private const int Side = 12;

    private TemporaryFolder outer = null!;

    private string Folder => outer.Of("data");

    [SetUp]
    public void Paint()
    {
        outer = new();
        Directory.CreateDirectory(Folder);
        var random = new Random(3);
        foreach (var name in new[] { "a.png", "b.jpg", "c.webp" })
        {
            var image = new RgbImage(Side, Side);
            random.NextBytes(image.Bytes);
            PictureFile.Save(Path.Combine(Folder, name), image);
        }
        File.Copy(Path.Combine(Folder, "a.png"), outer.Of("outside.png"));
    }

    [TearDown]
    public void DeleteFolder() => outer.Dispose();

    [TestCase(40, "a.png")]
    [TestCase(41, "b.jpg")]
    [TestCase(42, "c.webp")]
    public void Fuzz_pictures_are_read_or_refused_by_name(int test, string name)
    {
        var file = Path.Combine(Folder, name);
        var valid = File.ReadAllBytes(file);
        var law = new ReaderLaw(file, typeof(InvalidDataException));
        for (var number = 0; number < FuzzCases.Count(); number++)
        {
            var bytes = ByteMutations.Of(valid, FuzzCases.Random(test, number));
            File.WriteAllBytes(file, bytes);
            law.Require(number, bytes.Length, () => PictureFile.Load(file));
        }
        law.RequireKept();
    }

    [Test]
    public void Fuzz_lists_of_captions_name_pictures_of_their_folder_or_are_refused()
    {
        var file = Path.Combine(Folder, "metadata.jsonl");
        string[] names = ["a.png", "b.jpg", "c.webp"];
        string[] escapes =
        [
            "../outside.png",
            outer.Of("outside.png"),
            "x/../../outside.png",
            "a\\u0000.png",
            "\\uD800",
            "",
        ];
        var law = new ReaderLaw(Folder, typeof(InvalidDataException));
        for (var number = 0; number < FuzzCases.Count(); number++)
        {
            var random = FuzzCases.Random(43, number);
            string[] lines = [.. names.Select(name => $$"""{"file_name": "{{name}}", "text": "a caption"}""")];
            var at = random.Next(names.Length);
            lines[at] =
                random.Next(4) == 0
                    ? lines[at].Replace(names[at], HostileValues.Of(random, escapes), StringComparison.Ordinal)
                    : JsonMutations.Of(lines[at], random);
            var text = string.Join('\n', lines);
            File.WriteAllBytes(file, Encoding.UTF8.GetBytes(text));
            law.Require(
                number,
                4096 + text.Length,
                () =>
                {
                    var pictures = new PictureFolder(Folder);
                    pictures.Check(new ImageSize(Side, Side));
                    Assert.That(pictures.Captions, Has.Count.GreaterThanOrEqualTo(3));
                }
            );
        }
        law.RequireKept();
    }
}
