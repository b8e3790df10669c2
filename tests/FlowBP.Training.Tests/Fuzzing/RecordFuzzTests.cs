// What runs and studies wrote, and somebody changed: records of steps, records of cells, the list of a run's own files.

using FlowBP.Formats;
using FlowBP.Tests.Fuzzing;
using FlowBP.Tests.Misfits;
using FlowBP.Training.Runs;
using FlowBP.Training.Studies;

namespace FlowBP.Training.Tests.Fuzzing;

public sealed class RecordFuzzTests
{
    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void Fuzz_records_of_steps_are_gone_on_with_or_refused_by_name()
    {
        var file = folder.Of("metrics.jsonl");
        string[] valid =
        [
            .. Enumerable.Range(1, 5).Select(step => $$"""{"step": {{step}}, "reward": 0.5, "plans": [1, 2]}"""),
        ];
        var from = KilledSaving.Manifest(3, ranks: 1);
        var law = new ReaderLaw(file, typeof(CheckpointException), typeof(InvalidDataException));
        // What is cut off is put on the disk, which takes milliseconds.
        for (var number = 0; number < FuzzCases.Count(1000); number++)
        {
            var random = FuzzCases.Random(100, number);
            string[] lines = [.. valid];
            var at = random.Next(lines.Length);
            lines[at] = random.Next(3) == 0 ? TextMutations.Of(lines[at], random) : JsonMutations.Of(lines[at], random);
            var text = string.Join('\n', lines) + (random.Next(2) == 0 ? "\n" : "");
            File.WriteAllText(file, text);
            law.Require(
                number,
                text.Length,
                () =>
                {
                    RecordCut.After(folder.Path, from);
                    using var records = new RunRecords(name => folder.Of(name), () => { }, goesOn: true);
                    Assert.That(records.Rewards().Count, Is.LessThanOrEqualTo(valid.Length));
                }
            );
        }
        law.RequireKept();
    }

    [Test]
    public void Fuzz_records_of_cells_are_read_or_refused_by_name()
    {
        var identity = new StudyIdentity("methods", new Dictionary<string, string> { ["device"] = "cpu" });
        var cell = new StudyCell("refl", 3);
        using var study = new StudyFolder(folder.Of("study"), identity);
        study.Keep(
            cell,
            new()
            {
                Arm = "refl",
                Seed = 3,
                Steps = 20,
                Seconds = 1.5,
                Metrics = [new("rules", true, [0.5, 1])],
                Curve = [new(10, new Dictionary<string, double> { ["rules"] = 0.5 })],
                Training = new() { Reward = [0.1, 0.2], SplitDeviation = [null, 0.5] },
                Hacking = new(null, 10, 20),
                Kept = new(20, 1, 0.75),
                Groups = [new("colors", [0, 1])],
                LeapErrors = [new("refl", 2, 0.5)],
            }
        );
        var file = folder.Of("study", "cells", $"{cell.Name}.json");
        var valid = File.ReadAllText(file);
        var law = new ReaderLaw(file, typeof(IOException));
        for (var number = 0; number < FuzzCases.Count(); number++)
        {
            var text = JsonMutations.Of(valid, FuzzCases.Random(101, number));
            File.WriteAllText(file, text);
            law.Require(
                number,
                text.Length,
                () =>
                {
                    var record = study.Find(cell)!;
                    Assert.That(
                        record.Metrics.All(metric => metric.Metric.Length >= 0 && metric.Scores.Length >= 0),
                        Is.True
                    );
                    Assert.That(record.Curve.All(point => point.Means.Count >= 0), Is.True);
                    Assert.That(record.Groups?.All(group => group.Prompts.Count >= 0) ?? true, Is.True);
                    Assert.That(record.LeapErrors?.All(error => error.Arm.Length >= 0) ?? true, Is.True);
                    Assert.That(record.Training?.Reward.Count ?? 0, Is.Not.Negative);
                }
            );
        }
        law.RequireKept();
    }

    [Test]
    public void Fuzz_identities_of_studies_are_compared_or_refused_by_name()
    {
        var identity = new StudyIdentity(
            "methods",
            new Dictionary<string, string> { ["device"] = "cpu", ["curve"] = "5" }
        );
        new StudyFolder(folder.Of("study"), identity).Dispose();
        var file = folder.Of("study", "study.json");
        var valid = File.ReadAllText(file);
        var law = new ReaderLaw(folder.Of("study"), typeof(IOException));
        for (var number = 0; number < FuzzCases.Count(); number++)
        {
            var text = JsonMutations.Of(valid, FuzzCases.Random(102, number));
            File.WriteAllText(file, text);
            law.Require(number, text.Length, () => new StudyFolder(folder.Of("study"), identity).Dispose());
        }
        law.RequireKept();
    }

    [Test]
    public void Fuzz_lists_of_a_runs_files_never_delete_others()
    {
        var run = folder.Of("run");
        var outside = folder.Write("outside.txt", "mine");
        var elsewhere = folder.Write("elsewhere/weights.safetensors", "mine too");
        var random = new Random(103);
        string[] names =
        [
            "metrics.jsonl",
            "model/weights.safetensors",
            "../outside.txt",
            outside,
            "linked/weights.safetensors",
        ];
        for (var number = 0; number < FuzzCases.Count(300); number++)
        {
            Directory.CreateDirectory(Path.Combine(run, "model"));
            File.WriteAllText(Path.Combine(run, "metrics.jsonl"), "");
            File.WriteAllText(Path.Combine(run, "model", "weights.safetensors"), "");
            if (!Directory.Exists(Path.Combine(run, "linked")))
            {
                Directory.CreateSymbolicLink(Path.Combine(run, "linked"), folder.Of("elsewhere"));
            }
            string[] lines =
            [
                "# a list",
                .. Enumerable
                    .Range(0, 6)
                    .Select(_ => HostileValues.Of(random, random.Next(2) == 0 ? names : HostileValues.Texts)),
                "linked/weights.safetensors",
            ];
            File.WriteAllText(Path.Combine(run, ".flowbp-run"), string.Join('\n', lines) + "\n");
            using var manifest = RunManifest.Take(run);

            var left = manifest.DeleteFrom(run);

            Assert.That(left, Does.Contain("linked"), "a link is somebody's");
            Assert.That(File.ReadAllText(outside), Is.EqualTo("mine"), $"case {number}");
            Assert.That(File.ReadAllText(elsewhere), Is.EqualTo("mine too"), $"case {number}");
        }
    }
}
