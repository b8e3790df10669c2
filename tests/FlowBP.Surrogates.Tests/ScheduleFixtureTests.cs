using System.Text.Json.Nodes;
using FlowBP.Verification;
using FlowBP.Verification.Methods;

namespace FlowBP.Surrogates.Tests;

/// <summary>Recorded schedules pass to the last bit, and one bit is enough to fail.</summary>
public class ScheduleFixtureTests
{
    private string copy = "";

    [SetUp]
    public void CreateFile() => copy = Path.GetTempFileName();

    [TearDown]
    public void DeleteFile() => File.Delete(copy);

    [Test]
    public void Every_section_passes()
    {
        var results = ScheduleFixture.Run(SharedFolder.Require("goldens", "models", ScheduleFixture.FileName));
        Assert.That(results, Has.Count.EqualTo(6));
        Assert.That(results.Where(result => !result.Passed), Is.Empty);
    }

    [TestCase("sigmas")]
    [TestCase("timesteps")]
    public void One_bit_of_a_schedule_fails_its_section(string numbers)
    {
        var results = RunAltered(root =>
        {
            var list = root["sd3_static"]![1]![numbers]!.AsArray();
            list[5] = (double)MathF.BitIncrement((float)list[5]!.GetValue<double>());
        });
        var failed = results.Single(result => result.Outcome == FixtureOutcome.Failed);
        Assert.That((failed.Name, failed.Detail), Is.EqualTo(("sd3_static", $"{numbers} of 28 steps")));
    }

    [Test]
    public void A_section_that_is_not_known_is_skipped_by_name()
    {
        var results = RunAltered(root => root["sd9"] = new JsonArray());
        Assert.That(
            results.Single(result => result.Outcome == FixtureOutcome.Skipped).Detail,
            Is.EqualTo("no schedule sd9")
        );
    }

    private IReadOnlyList<FixtureResult> RunAltered(Action<JsonNode> alter)
    {
        var source = SharedFolder.Require("goldens", "models", ScheduleFixture.FileName);
        var root = JsonNode.Parse(File.ReadAllText(source))!;
        alter(root);
        File.WriteAllText(copy, root.ToJsonString());
        return ScheduleFixture.Run(copy);
    }
}
