using FlowBP.Verification;

namespace FlowBP.Training.Tests;

/// <summary>Every fixture below a folder is found, in a fixed order; what can't be run hides nothing else.</summary>
public class VerificationSuiteTests
{
    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void Every_kind_is_found_in_order_of_the_paths()
    {
        var root = SharedFolder.Require("goldens");
        var groups = VerificationSuite.Find(root).Select(found => found.Group).ToArray();
        Assert.That(
            groups,
            Is.SupersetOf(
                new[]
                {
                    "methods",
                    "regularisers",
                    "models/e2e_sd35",
                    "models/packing",
                    "models/scheduler_sigmas.json",
                    "models/sd3_transformer",
                    "models/tokenizers",
                    "models/tokenizers/t5_encodings.json",
                    "full_size/sd3.5-medium-transformer.json",
                }
            )
        );
        Assert.That(groups, Is.Unique);
        Assert.That(
            groups.Select(group => group.Split(Path.DirectorySeparatorChar)[0]),
            Is.Ordered.Using<string>(StringComparer.Ordinal)
        );
        Assert.That(VerificationSuite.Find(root).Select(found => found.Group), Is.EqualTo(groups));
    }

    [Test]
    public void No_fixture_of_a_network_schedule_or_tokenizer_fails()
    {
        var results = VerificationSuite.Run(VerificationSuite.Find(SharedFolder.Require("goldens", "models")));
        Assert.That(results.Where(entry => entry.Result.Outcome == FixtureOutcome.Failed), Is.Empty);
        Assert.That(
            results.Count(entry => entry.Group == "scheduler_sigmas.json" && entry.Result.Passed),
            Is.EqualTo(6)
        );
        var packing = results.Single(entry => entry.Group == "packing").Result;
        Assert.That(packing.Outcome, Is.EqualTo(FixtureOutcome.Passed), packing.Detail);
    }

    [Test]
    public void Released_networks_have_the_tensors_of_their_layouts()
    {
        var results = VerificationSuite.Run(VerificationSuite.Find(SharedFolder.Require("goldens", "full_size")));
        // Layouts of networks that are not there yet are skipped by name.
        Assert.That(results.Select(entry => entry.Result.Outcome), Has.None.EqualTo(FixtureOutcome.Failed));
        Assert.That(results.Count(entry => entry.Result.Outcome == FixtureOutcome.Passed), Is.GreaterThanOrEqualTo(8));
    }

    [Test]
    public void A_layout_that_differs_fails_and_one_of_an_unknown_network_is_skipped()
    {
        const string config = """{"hidden_size": 768}""";
        folder.Write(
            "wrong.json",
            $$"""{"model": "clip-l-text", "config": {{config}}, "parameters": 1, "tensors": {"a": [1]} }"""
        );
        folder.Write(
            "unknown.json",
            $$"""{"model": "oddity", "config": {{config}}, "parameters": 1, "tensors": {"a": [1]} }"""
        );
        var results = VerificationSuite.Run(VerificationSuite.Find(folder.Path));
        Assert.That(
            results.Select(entry => (entry.Group, entry.Result.Outcome)),
            Is.EqualTo(new[] { ("unknown.json", FixtureOutcome.Skipped), ("wrong.json", FixtureOutcome.Failed) })
        );
        Assert.That(results[0].Result.Detail, Does.Contain("unknown"));
        Assert.That(results[1].Result.Detail, Does.StartWith("extra: 'a' [1] is not in the network; missing: "));
    }

    [Test]
    public void What_cannot_be_read_is_one_failed_fixture_and_the_others_run()
    {
        folder.Write("a/manifest.json", "{");
        folder.Write("b/manifest.json", """{"cases": [{"method": "refl", "file": "refl.safetensors"}]}""");
        folder.Write(
            "c/scheduler_sigmas.json",
            """{"compute_empirical_mu": [[64, 4, 1.9492865247731874]], "new": []}"""
        );
        folder.Write("c/d/scheduler_sigmas.json", "[]");
        var results = VerificationSuite.Run(VerificationSuite.Find(folder.Path));
        Assert.That(
            results.Select(entry => (entry.Group, entry.Result.Name, entry.Result.Outcome)),
            Is.EqualTo(
                new[]
                {
                    ("a", "", FixtureOutcome.Failed),
                    ("b", "", FixtureOutcome.Failed),
                    ("c/scheduler_sigmas.json", "compute_empirical_mu", FixtureOutcome.Passed),
                    ("c/scheduler_sigmas.json", "new", FixtureOutcome.Skipped),
                    ("c/d/scheduler_sigmas.json", "", FixtureOutcome.Failed),
                }
            )
        );
        Assert.That(results[1].Result.Detail, Does.Contain("sd3_transformer"));
    }

    [Test]
    public void A_folder_that_is_itself_a_fixture_has_its_own_name()
    {
        folder.Write("schedules/manifest.json", "{");
        Assert.That(VerificationSuite.Find(folder.Of("schedules")).Single().Group, Is.EqualTo("schedules"));
    }

    [Test]
    public void A_folder_without_fixtures_has_none() =>
        Assert.That(VerificationSuite.Run(VerificationSuite.Find(folder.Path)), Is.Empty);

    [Test]
    public void A_missing_folder_is_an_error() =>
        Assert.That(() => VerificationSuite.Find(folder.Of("none")), Throws.TypeOf<DirectoryNotFoundException>());

    [Test]
    public void A_wish_to_stop_is_heard_between_two_fixtures()
    {
        folder.Write("a/manifest.json", "{");
        Assert.That(
            () => VerificationSuite.Run(VerificationSuite.Find(folder.Path), new CancellationToken(canceled: true)),
            Throws.InstanceOf<OperationCanceledException>()
        );
    }
}
