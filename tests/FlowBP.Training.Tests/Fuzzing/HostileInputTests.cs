// What fuzzing found in prompts, captions, pictures and records, one of each kind.

using System.Buffers.Binary;
using FlowBP.Formats;
using FlowBP.Pictures;
using FlowBP.Settings;
using FlowBP.Tests.Misfits;
using FlowBP.Training.FlowMatching;
using FlowBP.Training.Runs;
using FlowBP.Training.Studies;

namespace FlowBP.Training.Tests.Fuzzing;

public sealed class HostileInputTests
{
    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [TestCase("prompts.json", """{"prompts": ["a"], "\udc00": 1}""")]
    [TestCase("prompts.jsonl", """{"prompt": "a", "\udc00": 1}""")]
    [TestCase("prompts.json", """["a \ud83d"]""")]
    public void Half_a_letter_in_prompts_is_refused(string name, string text)
    {
        var file = folder.Write(name, text);

        Assert.That(
            () => PromptFile.Read(file),
            Throws.TypeOf<InvalidDataException>().With.Message.StartsWith(file).And.Message.Contains("half a letter")
        );
    }

    [Test]
    public void A_column_fills_no_message_and_moves_no_cursor()
    {
        var file = folder.Write("prompts.csv", $"\u001B[2J{new string('x', 100_000)},b\n1,2\n");

        var refusal = Assert.Throws<InvalidDataException>(() => PromptFile.Read(file))!;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                refusal.Message,
                Does.StartWith($"{file}, line 1 has none of prompt, caption, text: it has \uFFFD[2Jx")
            );
            Assert.That(refusal.Message, Has.Length.LessThan(1000));
            Assert.That(refusal.Message.Any(char.IsControl), Is.False);
        }
    }

    [Test]
    public void A_setting_fills_no_message() =>
        Assert.That(new InvalidSettingException(new string('x', 100_000) + "\n").Message, Has.Length.LessThan(4000));

    [TestCase("a\\u0000.png", "its file_name is empty or holds a zero")]
    [TestCase("", "its file_name is empty or holds a zero")]
    [TestCase("\\ud83d", "half a letter")]
    [TestCase("../a.png", "lies outside of the folder")]
    public void A_file_name_that_no_file_has_is_refused(string name, string message)
    {
        var metadata = folder.Write("metadata.jsonl", $$"""{"file_name": "{{name}}", "text": "a caption"}""");

        Assert.That(
            () => new PictureFolder(folder.Path),
            Throws
                .TypeOf<InvalidDataException>()
                .With.Message.StartsWith($"{metadata}, line 1")
                .And.Message.Contains(message)
        );
    }

    [Test]
    public void A_picture_that_claims_more_pixels_than_its_bytes_can_hold_is_refused()
    {
        var file = folder.Of("a.png");
        PictureFile.Save(file, new RgbImage(8, 8));
        var bytes = File.ReadAllBytes(file);
        // IHDR: its length and name, width, height, five more bytes, and the checksum of name and content.
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(16), 15_000);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(20), 15_000);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(29), Checksum(bytes.AsSpan(12, 17)));
        File.WriteAllBytes(file, bytes);

        Assert.That(
            () => PictureFile.Load(file),
            Throws
                .TypeOf<InvalidDataException>()
                .With.Message.EqualTo($"{file}: a picture of 15000 × 15000 pixels is too large to be read")
        );
    }

    [Test]
    public void A_line_that_is_no_record_of_a_step_is_refused_before_a_run_goes_on()
    {
        var file = folder.Write("metrics.jsonl", "{\"step\": 1}\n{\"step\": \"x\"}\n{\"step\": 3}\n{\"step\": 4}\n");

        Assert.That(
            () => RecordCut.After(folder.Path, KilledSaving.Manifest(3, ranks: 1)),
            Throws
                .TypeOf<CheckpointException>()
                .With.Message.EqualTo(
                    $"{file}: line 2 is no record of a step, which a run that goes on reads again: take it out"
                )
        );
    }

    [TestCase("""{"step": 1, "reward": "high"}""")]
    [TestCase("""{"reward": 0.5}""")]
    [TestCase("[]")]
    public void A_value_that_is_no_number_is_named_with_its_line(string line)
    {
        folder.Write("metrics.jsonl", $"{{\"step\": 0, \"reward\": 0.5}}\n{line}\n");
        using var records = new RunRecords(name => folder.Of(name), () => { }, goesOn: true);

        Assert.That(
            () => records.Rewards(),
            Throws
                .TypeOf<InvalidDataException>()
                .With.Message.StartsWith($"{folder.Of("metrics.jsonl")}, line 2 is no record of 'reward'")
        );
    }

    [TestCase("{}")]
    [TestCase("""{"study": null, "texts": {}}""")]
    [TestCase("""{"study": "methods", "study": "x", "texts": {}}""")]
    public void An_identity_without_a_name_is_refused(string text)
    {
        var root = folder.Of("study");
        var file = folder.Write("study/study.json", text);

        Assert.That(
            () => new StudyFolder(root, new("methods", new Dictionary<string, string>())),
            Throws.TypeOf<IOException>().With.Message.StartsWith($"{file} is not what a study writes")
        );
    }

    [TestCase("\"metrics\": []", "\"metrics\": [null]", "a list holds null")]
    [TestCase("\"arm\": \"refl\"", "\"arm\": \"other\"", "it is of arm other and seed 3")]
    [TestCase("\"curve\": []", "\"curve\": null", "curve")]
    public void A_record_that_is_not_the_cells_is_refused(string from, string to, string said)
    {
        using var study = new StudyFolder(folder.Of("study"), new("methods", new Dictionary<string, string>()));
        var cell = new StudyCell("refl", 3);
        study.Keep(
            cell,
            new()
            {
                Arm = "refl",
                Seed = 3,
                Steps = 1,
                Seconds = 1,
                Metrics = [],
                Curve = [],
            }
        );
        Assert.That(study.Find(cell)!.Steps, Is.EqualTo(1));
        var file = folder.Of("study", "cells", $"{cell.Name}.json");
        var text = File.ReadAllText(file);
        Assert.That(text, Does.Contain(from));
        File.WriteAllText(file, text.Replace(from, to, StringComparison.Ordinal));

        Assert.That(
            () => study.Find(cell),
            Throws
                .TypeOf<IOException>()
                .With.Message.StartsWith($"{file} is not what a study writes")
                .And.Message.Contains(said)
        );
    }

    // CRC-32 as PNG has it (ISO 3309).
    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) == 1 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
            }
        }
        return ~crc;
    }
}
