using System.Text.Json.Nodes;

namespace FlowBP.Training.Tests;

/// <summary>What a run gives to be drawn: all of its steps, and every evaluation at its step.</summary>
public sealed class TrainingCurveTests : ShortRunTests
{
    [Test]
    public void A_curve_has_every_step_and_every_evaluation()
    {
        var last = Align(("max_train_steps", "3"), ("evaluation_interval", "2"), ("hinge_lambda", "0.25"));
        var (path, curve) = Drawn!.Value;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(path, Is.EqualTo(Folder.Of("run", "samples", "training.png")));
            Assert.That((curve.Method, curve.HingeLambda), Is.EqualTo(("flowbp-sparse", 0.25)));
            Assert.That(curve.Rewards.Select(point => point.Step), Is.EqualTo([1, 2, 3]));
            Assert.That(curve.Rewards[^1].Value, Is.EqualTo(last.Surrogate.Reward));
            var reward = curve.Judged.Single(judged => judged.Metric == "reward");
            Assert.That(reward.Points.Select(point => point.Step), Is.EqualTo([0, 2, 3]));
            Assert.That(reward.Points.Select(point => point.Value), Is.Unique, "each of a model of its own");
        }
    }

    [Test]
    public void The_last_evaluation_is_of_the_step_that_was_kept()
    {
        Align(
            ("max_train_steps", "2"),
            ("learning_rate", "0.5"),
            ("checkpointing_steps", "1"),
            ("select", "heldout"),
            ("select_strengths", "0.001, 1"),
            ("select_images_per_prompt", "1")
        );
        var summary = JsonNode.Parse(File.ReadAllText(Folder.Of("run", "summary.json")))!;
        var kept = summary["selection"]!["kept"]!["step"]!.GetValue<int>();
        Assert.That(
            Drawn!.Value.Curve.Judged.Select(judged => judged.Points.Select(point => point.Step)),
            Is.All.EqualTo(new[] { 0, kept })
        );
    }
}
