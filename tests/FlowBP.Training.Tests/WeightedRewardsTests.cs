// Shape legend: B batch, C channels, Y X pixels.

using FlowBP.Settings;
using FlowBP.Surrogates;
using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Planning;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Tests;

/// <summary>Several rewards as one.</summary>
public class WeightedRewardsTests
{
    [Test]
    public void A_list_is_paths_with_weights()
    {
        static (string, double)[] Read(string text) =>
            [.. WeightedReward.Parse(text).Select(reward => (reward.Given, reward.Weight))];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Read("embedded"), Is.EqualTo(new[] { ("embedded", 1.0) }));
            Assert.That(Read("/a/hps:0.5, /b/pick"), Is.EqualTo(new[] { ("/a/hps", 0.5), ("/b/pick", 1.0) }));
            Assert.That(Read("c:/a:2e-1"), Is.EqualTo(new[] { ("c:/a", 0.2) }));
            Assert.That(Read("c:/hps"), Is.EqualTo(new[] { ("c:/hps", 1.0) }));
        }
    }

    [Test]
    public void A_path_that_is_there_is_taken_whole()
    {
        using var folder = new TemporaryFolder();
        var odd = folder.Of("one,two:3");
        Directory.CreateDirectory(odd);
        Assert.That(WeightedReward.Parse(odd), Is.EqualTo(new[] { new WeightedReward(odd, 1) }));
    }

    [TestCase("/a,", "one path is empty")]
    [TestCase(":2", "one path is empty")]
    [TestCase("/a:0,/b", "the weight of /a is 0")]
    [TestCase("/a:-1", "the weight of /a is -1")]
    [TestCase("/a:nan,/b", "the weight of /a is nan")]
    [TestCase("/a:2,/a", "/a is named twice")]
    public void What_is_no_list_is_refused_before_anything_is_loaded(string text, string message) =>
        Assert.That(
            () => AlignmentConfig.Resolve([new("reward", text)]),
            Throws.TypeOf<InvalidSettingException>().With.Message.Contains("reward").And.Message.Contains(message)
        );

    /// <summary>Rewards a·x with constant a: the sum's gradient is Σ w·a, and the cosine that of two vectors.</summary>
    [Test]
    public void Score_and_gradient_are_the_weighted_sum_and_cosines_those_of_the_gradients()
    {
        using var scope = torch.NewDisposeScope();
        var first = TinyModels.Waves(0.2, 3, 4, 4);
        var second = TinyModels.Waves(1.9, 3, 4, 4);
        using var rewards = new WeightedRewards([(new Along("a", first), 0.5), (new Along("a", second), 2)]);
        var image_BCYX = TinyModels.Waves(0.7, 2, 3, 4, 4).requires_grad_();
        using var conditioning = rewards.Encode(["x", "y"]);
        var score_B = rewards.Score(image_BCYX, conditioning);
        using (torch.no_grad())
        {
            Assert.That(
                TensorValues.Numbers(rewards.Score(image_BCYX.detach(), conditioning)),
                Is.EqualTo(TensorValues.Numbers(score_B)).Within(1e-5)
            );
        }
        score_B.sum().backward();
        var a = TensorValues.Numbers(first);
        var b = TensorValues.Numbers(second);
        double[] sum = [.. a.Zip(b, (one, other) => (0.5 * one) + (2 * other))];
        var x = TensorValues.Numbers(image_BCYX);
        var curves = rewards.TakeCurves()!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                TensorValues.Numbers(score_B),
                Is.EqualTo(x.Chunk(48).Select(each => each.Zip(sum, (one, other) => one * other).Sum())).Within(1e-4)
            );
            Assert.That(TensorValues.Numbers(image_BCYX.grad!), Is.EqualTo(sum.Concat(sum)).Within(1e-6));
            Assert.That(curves.Scores.Keys, Is.EqualTo(new[] { "a", "a#2" }));
            Assert.That(
                curves.Scores["a"],
                Is.EqualTo(x.Chunk(48).Average(each => each.Zip(a, (one, other) => one * other).Sum())).Within(1e-4)
            );
            var cosine =
                a.Zip(b, (one, other) => one * other).Sum()
                / Math.Sqrt(a.Sum(value => value * value) * b.Sum(value => value * value));
            Assert.That(curves.Cosines["a|a#2"], Is.EqualTo(cosine).Within(1e-6));
            Assert.That(rewards.TakeCurves(), Is.Null, "taken");
        }
    }

    [Test]
    public void Each_reward_sees_its_own_conditioning()
    {
        using var scope = torch.NewDisposeScope();
        using var rewards = new WeightedRewards([
            (new Along("a", TinyModels.Waves(0.2, 3, 4, 4)), 1),
            (new Along("b", TinyModels.Waves(0.2, 3, 4, 4)) { Shift = 5 }, 1),
        ]);
        using var conditioning = rewards.Encode(["x", "y"]);
        var zero_BCYX = torch.zeros([2, 3, 4, 4]);
        using var last = conditioning.Select([1]);
        Assert.That(TensorValues.Numbers(rewards.Score(zero_BCYX, conditioning)), Is.EqualTo(new[] { 5.0, 7.0 }));
        Assert.That(
            TensorValues.Numbers(rewards.Score(zero_BCYX.narrow(0, 0, 1), last)),
            Is.EqualTo(new[] { 7.0 }),
            "rows of both"
        );
    }

    [Test]
    public void One_reward_of_weight_one_is_that_reward()
    {
        using var one = RewardFolder.Load(WeightedReward.Parse("embedded"), torch.CPU, ScalarType.Float32);
        Assert.That(one, Is.TypeOf<ClipImageReward>());
        Assert.That(one.TakeCurves(), Is.Null);
    }

    [Test]
    public void A_step_logs_every_reward_and_the_cosine_of_their_gradients()
    {
        var config = AlignmentConfig.Resolve([
            new("method", "flowbp-sparse"),
            new("train_batch_size", "3"),
            new("rollout_steps", "6"),
            new("hinge_lambda", "100"),
            new("reward_batch_size", "2"),
            new("reward", $"embedded:0.7,{EmbeddedAssets.HeldOutReward}:0.3"),
        ]);
        using var model = new TextToImage(config.Model with { CpuWorkers = 1 });
        using var reward = RewardFolder.Load(config.Judges.Rewards, torch.CPU, ScalarType.Float32);
        using var trainer = new AlignmentTrainer(config, model, reward, PromptFile.Read(config.Prompts));
        var report = trainer.Step(0);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Rewards!.Scores, Has.Count.EqualTo(2));
            Assert.That(
                (0.7 * report.Rewards.Scores["reward"]) + (0.3 * report.Rewards.Scores["heldout_reward"]),
                Is.EqualTo(report.Surrogate.Reward).Within(1e-5)
            );
            Assert.That(report.Rewards.Cosines["reward|heldout_reward"], Is.InRange(-1, 1).And.Not.Zero);
            Assert.That(report.GradNorm, Is.GreaterThan(0));
        }
    }

    [Test]
    public void A_plan_of_several_rewards_is_refused_by_name() =>
        Assert.That(
            () => ConfiguredPlan.Of(AlignmentConfig.Resolve([new("reward", "/a:1,/b:2")]), gpus: 1),
            Throws.TypeOf<InvalidSettingException>().With.Message.Contains("reward")
        );

    // r = a·x + shift per prompt.
    private sealed class Along(string name, Tensor a_CYX) : IImageReward
    {
        public double Shift { get; init; }

        public string Name => name;

        public Conditioning Encode(IReadOnlyCollection<string> prompts) =>
            new("shift", torch.tensor([.. prompts.Select((_, b) => (float)(Shift + (Shift > 0 ? 2 * b : 0)))]));

        public Tensor Score(Tensor image_BCYX, Conditioning conditioning) =>
            (image_BCYX * a_CYX).flatten(1).sum([1]) + conditioning["shift"];

        public void Dispose() { }
    }
}
