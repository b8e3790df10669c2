using FlowBP.Cli.Output;
using FlowBP.Training.Evaluation;

namespace FlowBP.Cli.Tests;

/// <summary>The table of before and after.</summary>
public class GainTableTests
{
    private static readonly Dictionary<string, PairedGain> s_metrics = new()
    {
        ["reward"] = new(0.71702, 0.77101, 0.05399, [0.0421, 0.06604], 12),
        ["heldout_reward"] = new(-0.72, -0.7200003, -3e-7, [-0.001, 0.001], 12),
        ["rule_accuracy"] = new(0.42, 0.37, -0.05, [-0.08, -0.02], 12) { IsShare = true },
        ["rule_accuracy/single_object"] = new(1, 1, 0, [0, 0], 12) { IsShare = true },
    };

    [Test]
    public void A_row_has_the_metric_before_and_after_and_the_gain_with_its_interval() =>
        Assert.That(
            Printed(terminal => GainTable.Write(terminal, s_metrics)),
            Is.EqualTo(
                new[]
                {
                    "metric              base  aligned     gain      95 % interval",
                    "training reward   0.7170   0.7710  +0.0540  +0.0421 … +0.0660",
                    "held-out reward  -0.7200  -0.7200  +0.0000  -0.0010 … +0.0010",
                    "rule accuracy     42.0 %   37.0 %     -5.0        -8.0 … -2.0",
                    "  single object  100.0 %  100.0 %     +0.0        +0.0 … +0.0",
                }
            )
        );

    [Test]
    public void A_task_that_falls_is_said_though_the_mean_stands_still()
    {
        Dictionary<string, PairedGain> metrics = new()
        {
            ["reward"] = new(0.7, 0.8, 0.1, [0.05, 0.15], 12),
            ["rule_accuracy"] = new(0.4, 0.41, 0.01, [-0.02, 0.04], 12) { IsShare = true },
            ["rule_accuracy/counting"] = new(0.5, 0.3, -0.2, [-0.3, -0.1], 12) { IsShare = true },
            ["rule_accuracy/two_objects"] = new(0.5, 0.7, 0.2, [0.1, 0.3], 12) { IsShare = true },
            ["rule_accuracy/position"] = new(0.5, 0.4, -0.1, [-0.2, -0.01], 12) { IsShare = true },
            ["rule_accuracy/colors"] = new(0.5, 0.5, 0, [-0.1, 0.1], 12) { IsShare = true },
        };
        Assert.That(
            GainTable.Verdicts(metrics),
            Is.EqualTo(
                new[]
                {
                    "training reward: up",
                    "rule accuracy: not significantly changed; significantly down in counting, position;"
                        + " significantly up in two objects",
                }
            )
        );
    }

    [Test]
    public void Of_few_prompts_no_verdict_is_given_of_a_metric_or_a_task()
    {
        Dictionary<string, PairedGain> metrics = new()
        {
            ["heldout_reward"] = new(0.7, 0.70001, 0.00001, [0.00001, 0.00001], 1),
            ["reward"] = new(0.7, 0.6, -0.1, [-0.2, -0.05], 5),
            ["rule_accuracy"] = new(0.4, 0.6, 0.2, [0.1, 0.3], 6) { IsShare = true },
            ["rule_accuracy/counting"] = new(0, 1, 1, [1, 1], 1) { IsShare = true },
            ["rule_accuracy/position"] = new(1, 0, -1, [-1, -1], 5) { IsShare = true },
        };
        Assert.That(
            GainTable.Verdicts(metrics),
            Is.EqualTo(
                new[]
                {
                    "held-out reward: too few prompts to tell",
                    "training reward: too few prompts to tell",
                    "rule accuracy: up",
                }
            )
        );
    }

    [Test]
    public void Without_a_baseline_there_is_one_value() =>
        Assert.That(
            Printed(terminal => GainTable.WriteValues(terminal, s_metrics))[1..3],
            Is.EqualTo(new[] { "training reward   0.7710", "held-out reward  -0.7200" })
        );

    [TestCase("reward", "up")]
    [TestCase("heldout_reward", "not significantly changed")]
    [TestCase("rule_accuracy", "down")]
    public void The_interval_decides_what_is_said(string metric, string word) =>
        Assert.That(GainTable.Word(s_metrics[metric]), Is.EqualTo(word));

    private static string[] Printed(Action<Terminal> print)
    {
        using var output = new StringWriter();
        print(new Terminal(output, TextWriter.Null, CancellationToken.None));
        return [.. output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.TrimEnd())];
    }
}
