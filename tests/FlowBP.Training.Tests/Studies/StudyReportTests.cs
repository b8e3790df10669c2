using System.Text.Json.Nodes;
using FlowBP.Training.Runs;
using FlowBP.Training.Studies;

namespace FlowBP.Training.Tests.Studies;

/// <summary>What tables, sentences and files say of records that were made up.</summary>
public class StudyReportTests
{
    private static readonly double[] s_base = [0, 0, 0.5, 0.5, 1, 1, 0, 0];

    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void Gains_are_those_of_seeds_and_prompts()
    {
        var report = Report();
        var good = report.Arms[0].Gains["rule_accuracy"];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Base["rule_accuracy"], Is.EqualTo(0.375));
            Assert.That(good.Gain, Is.EqualTo(0.25).Within(1e-15));
            Assert.That(good.BySeed, Is.EqualTo(new[] { 0.24, 0.26 }).Within(1e-15));
            // Half of the interval: tan(0.475 π) · 0.01 √2 / √2.
            Assert.That(good.SeedCi95![1] - 0.25, Is.EqualTo(0.01 * Math.Tan(0.475 * Math.PI)).Within(1e-12));
            Assert.That(good.Direction, Is.EqualTo(1));
            Assert.That(report.Arms[0].Gains.Keys, Does.Contain("rule_accuracy/counting"));
            Assert.That(report.Arms[0].Gains["rule_accuracy/counting"].Prompts, Is.EqualTo(2));
            Assert.That(report.Arms[0].Gains["heldout_reward"].Gain, Is.EqualTo(-0.1).Within(1e-15));
            Assert.That(report.Arms[1].Seeds, Is.EqualTo(new[] { 1L }));
        }
    }

    [Test]
    public void Curves_are_means_over_the_seeds_that_have_the_step()
    {
        var arm = Report().Arms[0];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(arm.Curve.Select(point => point.Step), Is.EqualTo(new[] { 0, 2, 4 }));
            Assert.That(arm.Curve[1].Means["rule_accuracy"], Is.EqualTo(0.5));
            Assert.That(arm.Training.Reward, Is.EqualTo(new[] { 0.15, 0.25, 0.35, 0.45 }).Within(1e-15));
            Assert.That(arm.Training.EndDeviation, Is.Null);
        }
    }

    [Test]
    public void Verdicts_name_what_rose_what_fell_and_what_is_missing()
    {
        var verdicts = StudyVerdicts.Of(Report());
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                verdicts,
                Has.Some.StartsWith(
                    "good: rule accuracy +25.0 [+12.3, +37.7] (up), held-out reward -0.1000 [-0.1000, -0.1000] (down)"
                )
            );
            Assert.That(verdicts, Has.Some.StartsWith("other: rule accuracy +0.0 (too few seeds or prompts to tell)"));
            Assert.That(
                verdicts,
                Has.Some.EqualTo("good by rule accuracy: too few seeds or prompts to tell from other (+24.0).")
            );
            Assert.That(
                verdicts,
                Has.Some.EqualTo(
                    "good: the alarm was tripped in 1 of 2 trainings, with seed 2 at step 3 (kept: step 2)."
                )
            );
            Assert.That(verdicts, Has.Some.EqualTo("Not measured: other, seed 2: after step 1: not finite"));
        }
    }

    [Test]
    public void Files_have_every_figure()
    {
        StudyFiles.Write(folder.Path, Report());
        var gains = File.ReadAllLines(folder.Of("gains.csv"));
        var json = JsonNode.Parse(File.ReadAllText(folder.Of("results.json")))!;
        var markdown = File.ReadAllText(folder.Of("results.md"));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(gains.Select(row => row.Split(',').Length), Is.All.EqualTo(13));
            Assert.That(gains, Has.Some.Match("^good,base,rule_accuracy,0.375,0.625,0.25,.*,1,2,8$"));
            Assert.That(gains, Has.Some.StartsWith("good,other,rule_accuracy,"));
            Assert.That(File.ReadAllLines(folder.Of("curve.csv")), Has.Some.EqualTo("good,2,rule_accuracy,0.5"));
            Assert.That(File.ReadAllLines(folder.Of("training.csv")), Has.Some.Match("^good,1,0.15\\d*,,,$"));
            Assert.That((double)json["report"]!["arms"]![0]!["gains"]!["rule_accuracy"]!["gain"]!, Is.EqualTo(0.25));
            Assert.That(json["verdicts"]!.AsArray(), Is.Not.Empty);
            Assert.That(markdown, Does.Contain("| good | 62.5 % | +25.0* | +12.3…+37.7 | "));
            Assert.That(markdown, Does.Contain("| good | 2 | 3 | 2 | 2 | - |"));
            Assert.That(markdown, Does.Contain("| arm | 1 | 3 |").And.Contain("| order | 0.500 | 0.250 |"));
        }
        var first = Contents();
        StudyFiles.Write(folder.Path, Report());
        Assert.That(Contents(), Is.EqualTo(first));

        string[] Contents() => [.. Directory.GetFiles(folder.Path).Order().Select(File.ReadAllText)];
    }

    [Test]
    public void A_row_has_a_cell_for_every_header()
    {
        foreach (var table in StudyTables.Of(Report()))
        {
            Assert.That(table.Rows.Select(row => row.Count), Is.All.EqualTo(table.Headers.Count), table.Title);
        }
    }

    private StudyReport Report()
    {
        var file = folder.Write(
            "made-up.yaml",
            """
            seeds: [1, 2]
            evaluation_seeds: [5, 6]
            curve: [2]
            settings: {max_train_steps: 4}
            arms:
              good: {against: other}
              other: {alpha: 0}
            """
        );
        var plan = new StudyPlan(new() { Name = file });
        return StudyReport.Of(
            plan,
            [
                new()
                {
                    Arm = "base",
                    Seed = null,
                    Steps = 0,
                    Seconds = 1,
                    Metrics = [new("heldout_reward", false, s_base), new("rule_accuracy", true, s_base)],
                    Curve = [Point(0, 0.375)],
                    Groups = [new("counting", [0, 1]), new("position", [2, 3, 4, 5, 6, 7])],
                    LeapErrors = [new("order", 1, 0.5), new("order", 3, 0.25)],
                },
                Cell("good", 1, 0.24, new(null, 4, 4)),
                Cell("good", 2, 0.26, new(3, 2, 2)),
                Cell("other", 1, 0, null),
                Cell("other", 2, 0, null) with
                {
                    Metrics = [],
                    Failure = "after step 1: not finite",
                },
            ]
        );
    }

    private static CellRecord Cell(string arm, long seed, double gain, HackingOutcome? hacking) =>
        new()
        {
            Arm = arm,
            Seed = seed,
            Steps = 4,
            Seconds = seed,
            Metrics =
            [
                new("heldout_reward", false, [.. s_base.Select(value => value - 0.1)]),
                new("rule_accuracy", true, [.. s_base.Select(value => value + gain)]),
            ],
            Curve = [Point(2, seed == 1 ? 0.4 : 0.6), Point(4, 0.7)],
            Training = new() { Reward = [.. Enumerable.Range(1, 4).Select(i => 0.1 * i + (seed == 1 ? 0 : 0.1))] },
            Hacking = hacking,
        };

    private static CurvePoint Point(int step, double value) =>
        new(step, new Dictionary<string, double> { ["rule_accuracy"] = value, ["heldout_reward"] = value });
}
