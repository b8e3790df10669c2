using FlowBP.Training.Alignment;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;
using S = FlowBP.Training.Alignment.AlignmentSettings;

namespace FlowBP.Training.Tests;

/// <summary>An update accumulated over several batches is the update of one large batch.</summary>
public class AccumulationTests
{
    [TestCase("flowbp-sparse")]
    [TestCase("leapalign")]
    [TestCase("draft-lv")]
    public void Two_batches_of_two_are_one_of_four(string method)
    {
        var whole = Step(method, batch: 4, parts: 1);
        var parts = Step(method, batch: 2, parts: 2);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(parts.Surrogate.Indices, Is.EqualTo(whole.Surrogate.Indices), "the same draws");
            Assert.That(parts.Surrogate.Reward, Is.EqualTo(whole.Surrogate.Reward).Within(1e-5));
            Assert.That(parts.Surrogate.Loss, Is.EqualTo(whole.Surrogate.Loss).Within(1e-5));
            Assert.That(parts.GradNorm, Is.EqualTo(whole.GradNorm).Within(0.01).Percent);
            Assert.That(parts.Surrogate.Pullbacks.Samples, Is.EqualTo(whole.Surrogate.Pullbacks.Samples));
            Assert.That(parts.ImagesPerSecond * parts.Seconds, Is.EqualTo(4).Within(1e-9));
        }
    }

    [Test]
    public void Seeds_of_their_own_change_what_they_name_and_nothing_else()
    {
        var plain = Step("flowbp-sparse", 2, 1);
        var indices = Step("flowbp-sparse", 2, 1, ("select_idx_seed", "7"));
        Assert.That(indices.Surrogate.Indices, Is.Not.EqualTo(plain.Surrogate.Indices));
        Assert.That(indices.Surrogate.Reward, Is.EqualTo(plain.Surrogate.Reward), "the same pictures");
        var prompts = Step("flowbp-sparse", 2, 1, ("sampler_seed", "7"));
        Assert.That(prompts.Surrogate.Indices, Is.EqualTo(plain.Surrogate.Indices));
        Assert.That(prompts.Surrogate.Reward, Is.Not.EqualTo(plain.Surrogate.Reward));
    }

    private static StepReport Step(string method, int batch, int parts, params (string Name, string Text)[] others)
    {
        var config = AlignmentConfig.Resolve([
            new("method", method),
            new("train_batch_size", $"{batch}"),
            new("gradient_accumulation_steps", $"{parts}"),
            new("rollout_steps", "12"),
            new("latent_dtype", "float32"),
            .. others.Select(other => KeyValuePair.Create(other.Name, other.Text)),
        ]);
        using var model = new TextToImage(config.Model, config.Get(S.CfgGuidance));
        using var reward = RewardFolder.Load(config.Reward);
        using var trainer = new AlignmentTrainer(config, model, reward, PromptFile.Read(config.Prompts));
        return trainer.Step(0);
    }
}
