using System.Text.Json.Nodes;
using FlowBP.Formats;
using FlowBP.Training.Devices;
using FlowBP.Verification;

namespace FlowBP.Training.Tests;

/// <summary>Whole training steps of a transformer, an autoencoder and a reward, against the released implementation.</summary>
public class EndToEndFixtureTests
{
    private static readonly string[] s_networks = ["sd3_transformer", "sd3_vae", "hpsv2_clip"];

    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void Every_recorded_step_agrees_to_1e_3()
    {
        var results = EndToEndFixture.Run(SharedFolder.Require("goldens", "models", "e2e_sd35"), ComputeDevice.Cpu);
        foreach (var result in results)
        {
            TestContext.Out.WriteLine($"{result.Outcome} {result.Name} {result.WorstError:e2} {result.Detail}");
        }
        Assert.That(results, Has.Count.GreaterThanOrEqualTo(5));
        Assert.That(results.Where(result => !result.Passed), Is.Empty);
    }

    [Test]
    public void Another_active_step_fails_at_the_gradients()
    {
        var result = RunAltered("flowbp_sparse", description => description["indices"]!["selected_indices"]![1] = 4);
        Assert.That(result.Outcome, Is.EqualTo(FixtureOutcome.Failed));
        Assert.That(result.WorstError, Is.GreaterThan(0.01));
    }

    [Test]
    public void Another_guidance_fails()
    {
        var result = RunAltered("flowbp_sparse", description => description["hyper"]!["cfg_guidance"] = 3.6);
        Assert.That(result.Outcome, Is.EqualTo(FixtureOutcome.Failed));
    }

    [Test]
    public void A_single_wrong_gradient_is_named()
    {
        const string name = "grad.transformer_blocks.1.attn.to_q.weight";
        var result = RunAltered("leapalign", description => { }, (name, value => value! * 1.01f));
        Assert.That((result.Outcome, result.Detail), Is.EqualTo((FixtureOutcome.Failed, name)));
        Assert.That(result.WorstError, Is.EqualTo(0.01).Within(1e-3));
    }

    [Test]
    public void A_parameter_without_a_recorded_gradient_must_have_none()
    {
        const string name = "grad.proj_out.weight";
        var result = RunAltered("draft_lv", description => { }, (name, value => null));
        Assert.That((result.Outcome, result.Detail), Is.EqualTo((FixtureOutcome.Failed, name)));
    }

    [Test]
    public void A_gradient_of_no_parameter_is_refused()
    {
        var result = RunAltered("draft_lv", description => { }, ("grad.proj_oot.weight", value => torch.ones(1)));
        Assert.That(result.Detail, Does.Contain("proj_oot.weight"));
    }

    [Test]
    public void A_missing_network_is_named()
    {
        folder.Write("e2e/manifest.json", """{"cases": [{"method": "refl", "file": "refl.safetensors"}]}""");
        Assert.That(
            () => EndToEndFixture.Run(folder.Of("e2e"), ComputeDevice.Cpu),
            Throws.TypeOf<CheckpointException>().With.Message.Contains("sd3_transformer")
        );
    }

    [TestCase("""{"cases": []}""", ExpectedResult = true)]
    [TestCase("""{"format": "flowbp-method-goldens/1", "cases": []}""", ExpectedResult = false)]
    [TestCase("""{"other": []}""", ExpectedResult = false)]
    [TestCase("[]", ExpectedResult = false)]
    [TestCase("{", ExpectedResult = false)]
    public bool A_folder_is_known_by_its_manifest(string manifest)
    {
        folder.Write("manifest.json", manifest);
        return EndToEndFixture.Matches(folder.Path);
    }

    // One recorded case alone beside its networks, with something changed in its description or in a tensor.
    private FixtureResult RunAltered(
        string method,
        Action<JsonNode> alter,
        (string Name, Func<Tensor?, Tensor?> Change)? tensor = null
    )
    {
        var source = SharedFolder.Require("goldens", "models", "e2e_sd35");
        foreach (var network in s_networks)
        {
            Directory.CreateSymbolicLink(folder.Of(network), Path.Combine(source, "..", network));
        }
        var manifest = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "manifest.json")))!;
        var chosen = manifest["cases"]!.AsArray().First(entry => (string)entry!["method"]! == method)!.DeepClone();
        alter(chosen);
        var file = (string)chosen["file"]!;
        manifest["cases"] = new JsonArray(chosen);
        folder.Write("altered/manifest.json", manifest.ToJsonString());
        using var scope = torch.NewDisposeScope();
        var tensors = SafetensorsFile.LoadAll(Path.Combine(source, file)).ToDictionary();
        if (tensor is var (name, change))
        {
            tensors.Remove(name, out var value);
            if (change(value) is { } changed)
            {
                tensors[name] = changed;
            }
        }
        SafetensorsWriter.Write(Path.Combine(folder.Of("altered"), file), tensors);
        return EndToEndFixture.Run(folder.Of("altered"), ComputeDevice.Cpu).Single();
    }
}
