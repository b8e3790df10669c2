using System.Text.Json.Nodes;

namespace FlowBP.Cli.Tests;

/// <summary>The embedded model is diagnosed with few draws and few steps.</summary>
public class DiagnoseTests
{
    private static readonly string[] s_measured = ["seconds", "peak_memory_bytes", "output_dir"];

    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void The_same_settings_give_the_same_files_but_for_seconds_and_memory()
    {
        var first = Diagnosed("first");
        var second = Diagnosed("second");
        var report = Read("first");
        Assert.That(Timeless(report).ToJsonString(), Is.EqualTo(Timeless(Read("second")).ToJsonString()));
        var methods = report["report"]!["methods"]!.AsArray();
        var names = methods.Select(method => (string)method!["method"]!).ToArray();
        var full = methods[Array.IndexOf(names, "full")]!;
        var leaping = methods[Array.IndexOf(names, "leapalign")]!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(names, Is.EquivalentTo(new[] { "full", "flowbp-sparse", "leapalign" }));
            Assert.That(
                methods.Select(method => (double)method!["detached"]!["cosine"]!["value"]!),
                Is.Ordered.Descending
            );
            Assert.That((double)full["attached"]!["cosine"]!["value"]!, Is.EqualTo(1));
            Assert.That((double)full["attached"]!["norm_ratio"]!["value"]!, Is.EqualTo(1));
            Assert.That((double)full["detached"]!["cosine"]!["value"]!, Is.InRange(-1, 0.9999), "a distorted gradient");
            Assert.That((double)full["detached"]!["variance_per_sample"]!["value"]!, Is.Zero);
            Assert.That((double)leaping["detached"]!["variance_per_batch"]!["value"]!, Is.GreaterThan(0));
            Assert.That(leaping["attached"]!["variance_per_batch"], Is.Null, "measured as training has it");
            Assert.That(leaping["reconstruction_error"], Is.Null);
            Assert.That((double)leaping["split_deviation"]!["value"]!, Is.GreaterThan(0));
            Assert.That(full["split_deviation"], Is.Null);
            Assert.That((int)full["nested_depth"]!, Is.EqualTo(3));
            Assert.That((string)report["settings"]!["draws"]!, Is.EqualTo("2"));
            Assert.That(report["readings"]!.AsArray(), Is.Not.Empty);
        }
        var table = File.ReadAllLines(At("first", "diagnose.csv"));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(table, Has.Length.EqualTo(1 + 2 * names.Length));
            Assert.That(table.Select(row => row.Split(',').Length).Distinct().Count(), Is.EqualTo(1));
            Assert.That(
                File.ReadAllText(At("first", "diagnose.md")),
                Does.Contain("| leapalign | ").And.Contain(" | - |")
            );
            Assert.That(first.Output, Does.Contain("cosine, detached").And.Contain("cosine, attached"));
            Assert.That(first.OutputLines.Select(line => line.Length), Is.All.LessThanOrEqualTo(80));
            Assert.That(
                first.OutputLines.Select(line => line.TrimEnd()),
                Has.Some.EqualTo($"written to {At("first")}")
            );
            Assert.That(
                second.OutputLines[..6],
                Is.EqualTo(first.OutputLines[..6]),
                "what is printed first has no seconds"
            );
        }
        Assert.That(Diagnose("first").AssertFailure(), Does.EndWith("exists; name another --output_dir"));
    }

    [TestCase("--methods", "flowbp-spars", "unknown method 'flowbp-spars' (did you mean flowbp-sparse?)")]
    [TestCase("--draws", "1", "draws must be an integer ≥ 2, got '1'")]
    [TestCase("--rollout_steps", "4", "method refl has no plan for rollout_steps 4")]
    public void What_can_not_be_measured_is_wrong_usage(string option, string value, string message) =>
        Assert.That(CommandRun.Of("diagnose", option, value).AssertUsageError(), Does.StartWith($"flowbp: {message}"));

    private CommandRun Diagnosed(string name)
    {
        var run = Diagnose(name);
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        return run;
    }

    private CommandRun Diagnose(string name) =>
        CommandRun.Of(
            "diagnose",
            "--methods",
            "full,flowbp-sparse,leapalign",
            "--draws",
            "2",
            "--index_draws",
            "2",
            "--batch_size",
            "2",
            "--rollout_steps",
            "4",
            "--device",
            "cpu",
            "--output_dir",
            At(name)
        );

    private string At(params string[] path) => Path.Combine([folder.Path, .. path]);

    private JsonNode Read(string name) => JsonNode.Parse(File.ReadAllText(At(name, "diagnose.json")))!;

    private static JsonNode Timeless(JsonNode node)
    {
        var copy = node.DeepClone();
        Remove(copy);
        return copy;
    }

    private static void Remove(JsonNode? node)
    {
        if (node is JsonObject entries)
        {
            foreach (var name in s_measured)
            {
                entries.Remove(name);
            }
            foreach (var (_, entry) in entries)
            {
                Remove(entry);
            }
        }
        else if (node is JsonArray items)
        {
            foreach (var item in items)
            {
                Remove(item);
            }
        }
    }
}
