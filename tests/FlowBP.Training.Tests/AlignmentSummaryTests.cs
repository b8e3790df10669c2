using FlowBP.Training.Evaluation;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Tests;

public class AlignmentSummaryTests
{
    [Test]
    public void A_reward_alone_gives_one_metric()
    {
        var metrics = AlignmentSummary.Compare(Result([0.2, 0.4]), Result([0.5, 0.5]));
        Assert.That(metrics.Keys, Is.EqualTo(new[] { "reward" }));
        Assert.That(metrics["reward"].Base, Is.EqualTo(0.3).Within(1e-15));
        Assert.That(metrics["reward"].Aligned, Is.EqualTo(0.5));
        Assert.That(metrics["reward"].Gain, Is.EqualTo(0.2).Within(1e-15));
    }

    [Test]
    public void Rules_give_an_accuracy_and_one_per_task_that_occurs()
    {
        PromptGroup[] tasks = [new("colors", [0, 1]), new("position", [2, 3])];
        var before = Result([0, 0, 0, 0], heldOut: [1, 1, 1, 1], tasks, [0, 1, 0, 0]);
        var after = Result([1, 1, 1, 1], heldOut: [1, 1, 1, 0], tasks, [1, 1, 1, 0]);
        var metrics = AlignmentSummary.Compare(before, after);
        Assert.That(
            metrics.Keys,
            Is.EqualTo(
                new[] { "reward", "heldout_reward", "rule_accuracy", "rule_accuracy/colors", "rule_accuracy/position" }
            )
        );
        Assert.That(metrics["heldout_reward"].Gain, Is.EqualTo(-0.25));
        Assert.That((metrics["rule_accuracy"].Base, metrics["rule_accuracy"].Aligned), Is.EqualTo((0.25, 0.75)));
        Assert.That(metrics["rule_accuracy/colors"].Gain, Is.EqualTo(0.5));
        Assert.That(metrics["rule_accuracy/position"].Aligned, Is.EqualTo(0.5));
        Assert.That((metrics["reward"].Prompts, metrics["rule_accuracy/position"].Prompts), Is.EqualTo((4, 2)));
        Assert.That(before.Of("rule_accuracy")!.Scores.Average(), Is.EqualTo(0.25));
        Assert.That(
            metrics.Where(metric => metric.Value.IsShare).Select(metric => metric.Key),
            Is.EqualTo(metrics.Keys.Skip(2))
        );
    }

    [Test]
    public void A_judge_that_only_one_evaluation_had_gives_no_metric()
    {
        var metrics = AlignmentSummary.Compare(Result([0], heldOut: [1]), Result([1]));
        Assert.That(metrics.Keys, Is.EqualTo(new[] { "reward" }));
    }

    private static EvaluationResult Result(
        double[] reward,
        double[]? heldOut = null,
        PromptGroup[]? tasks = null,
        double[]? correct = null
    ) =>
        new()
        {
            Prompts = [.. reward.Select((_, i) => $"prompt {i}")],
            Judgements =
            [
                new(RewardJudge.Training, IsShare: false, reward, []),
                .. heldOut is null ? [] : new Judgement[] { new(RewardJudge.HeldOut, IsShare: false, heldOut, []) },
                .. correct is null ? [] : new Judgement[] { new("rule_accuracy", IsShare: true, correct, tasks ?? []) },
            ],
            Shown = [],
            Height = 0,
            Width = 0,
        };
}
