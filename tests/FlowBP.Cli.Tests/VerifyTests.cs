using System.Text.Json.Nodes;

namespace FlowBP.Cli.Tests;

/// <summary>`verify` runs what it finds, names what it can't, and ends with the count.</summary>
public class VerifyTests
{
    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void All_method_fixtures_pass_and_the_last_line_counts_them()
    {
        var run = CommandRun.Of("verify", SharedFolder.Require("goldens", "methods"));
        Assert.That(run.ExitCode, Is.Zero, run.Output);
        Assert.That(run.OutputLines[^1], Does.Match("^5[0-9] passed, 0 failed$"));
        Assert.That(run.OutputLines, Has.Some.Contain("flowbp_lagrange_12").And.Contain("passed"));
        Assert.That(run.OutputLines.Select(line => line.Length), Is.All.LessThanOrEqualTo(80));
    }

    [Test]
    public void A_network_fixture_is_one_row_with_its_error_and_tolerance()
    {
        var run = CommandRun.Of("verify", SharedFolder.Require("goldens", "models", "clip_l_text"));
        Assert.That(run.ExitCode, Is.Zero, run.Output);
        Assert.That(run.OutputLines, Has.Some.Match(@"^clip_l_text +passed +\d\.\de-\d\d +1\.0e-04"));
        Assert.That(run.OutputLines[^1], Is.EqualTo("1 passed, 0 failed"));
    }

    [Test]
    public void Fixtures_are_found_at_any_depth_and_a_wrong_number_fails_the_run()
    {
        CopyOneCase("refl_00", manifest => manifest["hyper"]!["loss_grad_scale"] = 1.001);
        var run = CommandRun.Of("verify", folder.Path);
        Assert.That(run.ExitCode, Is.EqualTo(1));
        Assert.That(run.OutputLines, Has.Some.Match(@"^ +refl_00 +failed +\d\.\de-0\d +1\.0e-09"));
        Assert.That(run.OutputLines, Has.Some.StartsWith("failed: deep/methods/refl_00: "));
        Assert.That(run.OutputLines[^1], Is.EqualTo("0 passed, 1 failed"));
    }

    [Test]
    public void A_truncated_tensor_file_fails_its_fixture_and_no_other()
    {
        CopyOneCase("refl_00", manifest => { }, truncate: true);
        var run = CommandRun.Of("verify", folder.Path, SharedFolder.Require("goldens", "models", "clip_l_text"));
        Assert.That(run.ExitCode, Is.EqualTo(1));
        Assert.That(run.OutputLines[^1], Is.EqualTo("1 passed, 1 failed"));
    }

    [Test]
    public void A_device_that_cannot_be_had_is_named_before_anything_runs()
    {
        var run = CommandRun.Of("verify", folder.Path, "--device", "cuda:99");
        Assert.That((run.ExitCode, run.Output), Is.EqualTo((1, "")));
        Assert.That(run.Error, Does.Contain("cuda:99"));
    }

    [TestCase("{")]
    [TestCase("""{"format": "flowbp-method-goldens/1"}""")]
    [TestCase("""{"format": "flowbp-method-goldens/1", "cases": [{}]}""")]
    [TestCase("""{"format": "flowbp-method-goldens/1", "cases": [{"name": "a", "file": "none.safetensors"}]}""")]
    public void A_damaged_manifest_is_a_failed_fixture(string manifest)
    {
        folder.Write("m/manifest.json", manifest);
        var run = CommandRun.Of("verify", folder.Path, "--device", "cpu");
        Assert.That((run.ExitCode, run.Error), Is.EqualTo((1, "")));
        Assert.That(run.OutputLines[^1], Is.EqualTo("0 passed, 1 failed"));
    }

    [Test]
    public void A_network_that_does_not_exist_is_skipped_by_name()
    {
        folder.Write("odd/meta.json", """{"model": "somewhere.OddNetwork"}""");
        WriteEmptySafetensors("odd/io.safetensors");
        var run = CommandRun.Of("verify", folder.Path);
        Assert.That(run.ExitCode, Is.Zero, run.Output);
        Assert.That(run.OutputLines, Has.Some.StartsWith("skipped: odd: ").And.Contain("OddNetwork"));
        Assert.That(run.OutputLines[^2..], Is.EqualTo(new[] { "1 skipped", "0 passed, 0 failed" }));
    }

    [Test]
    public void A_folder_without_fixtures_is_a_failure()
    {
        folder.Write("notes.txt", "nothing here");
        Assert.That(CommandRun.Of("verify", folder.Path).AssertFailure(), Does.Contain("holds no fixtures"));
    }

    [Test]
    public void A_missing_folder_is_a_failure() =>
        Assert.That(
            CommandRun.Of("verify", "/no/such/folder").AssertFailure(),
            Does.Contain("/no/such/folder does not exist")
        );

    [Test]
    public void A_link_to_a_parent_ends()
    {
        folder.Write("odd/meta.json", """{"model": "somewhere.OddNetwork"}""");
        WriteEmptySafetensors("odd/io.safetensors");
        Directory.CreateSymbolicLink(Path.Combine(folder.Path, "odd", "again"), folder.Path);
        Assert.That(CommandRun.Of("verify", folder.Path).OutputLines, Has.One.EqualTo("1 skipped"));
    }

    [Test]
    public void A_wish_to_stop_ends_the_run_with_130()
    {
        folder.Write("m/manifest.json", "{");
        var run = CommandRun.Of(new CancellationToken(canceled: true), "verify", folder.Path, "--device", "cpu");
        Assert.That((run.ExitCode, run.Output), Is.EqualTo((130, "")));
        Assert.That(run.Error, Does.StartWith("flowbp: stopped"));
    }

    private void WriteEmptySafetensors(string name)
    {
        var file = folder.Write(name, "");
        File.WriteAllBytes(file, [2, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'}']);
    }

    private void CopyOneCase(string name, Action<JsonNode> change, bool truncate = false)
    {
        var source = SharedFolder.Require("goldens", "methods");
        var manifest = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "manifest.json")))!;
        var chosen = manifest["cases"]!.AsArray().Single(entry => (string)entry!["name"]! == name)!.DeepClone();
        change(chosen);
        manifest["cases"] = new JsonArray(chosen);
        folder.Write("deep/methods/manifest.json", manifest.ToJsonString());
        var bytes = File.ReadAllBytes(Path.Combine(source, $"{name}.safetensors"));
        File.WriteAllBytes(
            Path.Combine(folder.Path, "deep", "methods", $"{name}.safetensors"),
            truncate ? bytes[..(bytes.Length / 2)] : bytes
        );
    }
}
