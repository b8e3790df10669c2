using System.Text.Json.Nodes;
using FlowBP.Verification;
using FlowBP.Verification.Methods;

namespace FlowBP.Surrogates.Tests;

/// <summary>All seven methods, the samplers and the optimizer, against recordings of the released implementation.</summary>
public class MethodFixtureTests
{
    [Test]
    public void Every_recorded_case_agrees_to_1e_9()
    {
        var folder = SharedFolder.Require("goldens", "methods");
        var results = new MethodFixture(RecordedTensors.Load, new CpuLatentKernels()).Run(folder);

        foreach (var result in results)
        {
            TestContext.Out.WriteLine($"{result.Outcome} {result.Name} {result.WorstError:e2} {result.Detail}");
        }
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                results.Count(result => !result.Name.Contains('/')),
                Is.EqualTo(42),
                "41 cases and the optimizer"
            );
            Assert.That(results.Where(result => !result.Passed), Is.Empty);
        }
    }

    [Test]
    public void A_recording_with_another_active_step_fails_and_says_where()
    {
        var result = RunAltered(description => description["indices"]!["active"]![3] = 23);
        Assert.That(result.Outcome, Is.EqualTo(FixtureOutcome.Failed));
        Assert.That(result.WorstError, Is.GreaterThan(1e-3));
    }

    [Test]
    public void A_recording_with_an_unknown_setting_is_refused_by_name()
    {
        var result = RunAltered(description => description["hyper"]!["flowbp_sparse_late_bais"] = 2);
        Assert.That(result.Outcome, Is.EqualTo(FixtureOutcome.Failed));
        Assert.That(result.Detail, Does.Contain("flowbp_sparse_late_bais").And.Contain("late_bias"));
    }

    [Test]
    public void A_recording_of_an_unknown_method_is_refused_by_name()
    {
        var result = RunAltered(description => description["method"] = "flowbp_spars");
        Assert.That(result.Detail, Does.Contain("flowbp-spars").And.Contain("flowbp-sparse"));
    }

    // The first recorded case alone, with something changed.
    private static FixtureResult RunAltered(Action<JsonNode> alter)
    {
        var folder = SharedFolder.Require("goldens", "methods");
        var copy = Directory.CreateTempSubdirectory("flowbp-fixture");
        try
        {
            var manifest = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "manifest.json")))!;
            var first = manifest["cases"]![0]!.DeepClone();
            alter(first);
            manifest["cases"] = new JsonArray(first);
            File.WriteAllText(Path.Combine(copy.FullName, "manifest.json"), manifest.ToJsonString());
            var tensors = first["file"]!.GetValue<string>();
            File.Copy(Path.Combine(folder, tensors), Path.Combine(copy.FullName, tensors));
            Assert.That(MethodFixture.Matches(copy.FullName), Is.True);
            return new MethodFixture(RecordedTensors.Load, new CpuLatentKernels()).Run(copy.FullName).Single();
        }
        finally
        {
            copy.Delete(recursive: true);
        }
    }
}
