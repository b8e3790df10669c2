using System.Text.Json.Nodes;
using FlowBP.Verification;
using FlowBP.Verification.Methods;

namespace FlowBP.Surrogates.Tests;

/// <summary>Anchors and smoothed rewards, against recordings made by autograd.</summary>
public class RegulariserFixtureTests
{
    [Test]
    public void Every_recorded_case_agrees_to_1e_9()
    {
        var results = new RegulariserFixture(RecordedTensors.Load, new CpuLatentKernels()).Run(
            SharedFolder.Require("goldens", "regularisers")
        );
        foreach (var result in results)
        {
            TestContext.Out.WriteLine($"{result.Outcome} {result.Name} {result.WorstError:e2} {result.Detail}");
        }
        using (Assert.EnterMultipleScope())
        {
            Assert.That(results, Has.Count.EqualTo(10));
            Assert.That(results.Where(result => !result.Passed), Is.Empty);
        }
    }

    [TestCase("combined_00", "margin", 0.03)]
    [TestCase("combined_00", "lambda_l2", 0.21)]
    [TestCase("combined_00", "cfg_detach_neg", true)]
    [TestCase("norm_hinge_01", "power", 1)]
    [TestCase("smoothed_reward_01", "std", 0.61)]
    [TestCase("smoothed_reward_01", "include_clean", false)]
    public void A_recording_of_another_setting_fails(string name, string key, object value)
    {
        var result = RunAltered(name, description => description["hyper"]![key] = JsonValue.Create(value));
        Assert.That(result.Outcome, Is.EqualTo(FixtureOutcome.Failed));
        Assert.That(result.WorstError, Is.GreaterThan(1e-4), result.Detail);
    }

    [Test]
    public void A_recording_of_an_unknown_kind_is_refused_by_name()
    {
        var result = RunAltered("combined_00", description => description["kind"] = "combind");
        Assert.That(result.Detail, Does.Contain("combind").And.Contain("combined"));
    }

    // One recorded case alone, with something changed.
    private static FixtureResult RunAltered(string name, Action<JsonNode> alter)
    {
        var folder = SharedFolder.Require("goldens", "regularisers");
        using var copy = new TemporaryFolder();
        var manifest = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "manifest.json")))!;
        var altered = manifest["cases"]!
            .AsArray()
            .First(each => each!["name"]!.GetValue<string>() == name)!
            .DeepClone();
        alter(altered);
        manifest["cases"] = new JsonArray(altered);
        copy.Write("manifest.json", manifest.ToJsonString());
        var tensors = altered["file"]!.GetValue<string>();
        File.Copy(Path.Combine(folder, tensors), copy.Of(tensors));
        Assert.That(RegulariserFixture.Matches(copy.Path), Is.True);
        return new RegulariserFixture(RecordedTensors.Load, new CpuLatentKernels()).Run(copy.Path).Single();
    }
}
