// Shape legend: B batch, N copies, R rows of the reward.

namespace FlowBP.Surrogates.Tests;

/// <summary>A reward that is the mean over perturbed copies of its input.</summary>
public class RewardSmoothingTests
{
    private static readonly NoiseSchedule Schedule = NoiseSchedule.FlowMatchEuler(8);
    private static readonly RewardSmoothing Three = new(Copies: 3, Std: 0.2, IncludeClean: false);

    /// <summary>r = −|x|²: the gradient is linear, so its mean over copies is the gradient at the mean copy.</summary>
    [TestCase(false)]
    [TestCase(true)]
    public void The_gradient_is_the_mean_over_the_copies(bool clean)
    {
        using var world = new World();
        using var noise = world.Random([3, 3, 2, 4, 4], 1);
        var smoothing = Three with { IncludeClean = clean };
        using var gradient = Gradient(world, noise, smoothing, new SquareReward());
        var x = TensorValues.Numbers(gradient.Input_R);
        var mean = TensorValues.Numbers(noise.sum([0])).Select(sum => sum / smoothing.Images);
        // One of three images each, and the hinge's derivative is −1.
        Assert.That(
            TensorValues.Numbers(gradient.Gradient_R),
            Is.EqualTo(x.Zip(mean, (at, shift) => 2.0 / 3 * (at + 0.2 * shift))).Within(1e-13)
        );
        Assert.That(gradient.CopyScores, Has.Count.EqualTo(clean ? 4 : 3));
    }

    [TestCase(SmoothedLoss.HingeOfMean)]
    [TestCase(SmoothedLoss.MeanOfHinges)]
    public void Chunks_workers_and_renoised_copies_change_nothing(SmoothedLoss loss)
    {
        var plan = new DRaFTLVPlanner(new(NoisedSamples: 2)).FromIndices(Schedule, 7);
        using var workers = new BatchWorkers(2);
        var smoothing = Three with { IncludeClean = true, Loss = loss };
        double[]? whole = null;
        foreach (
            var options in new ExecutorOptions[]
            {
                new(),
                new() { RewardChunk = 2 },
                new() { RewardChunk = 4, Workers = workers },
            }
        )
        {
            using var world = new World() { Options = options, Hinge = new(Threshold: 0) };
            using var noise = world.Random([3, 9, 2, 4, 4], 1);
            using var gradient = Gradient(world, noise, smoothing, world.Reward, plan);
            double[] found = [gradient.Loss, .. gradient.Scores, .. TensorValues.Numbers(gradient.Gradient_R)];
            whole ??= found;
            Assert.That(found, Is.EqualTo(whole).Within(1e-14));
        }
    }

    [Test]
    public void A_row_whose_mean_is_past_the_hinge_has_no_gradient_though_a_copy_is_below()
    {
        using var world = new World();
        using var noise = world.Random([3, 3, 2, 4, 4], 1);
        using var probe = Gradient(world, noise, Three, world.Reward);
        var lowest = Enumerable.Range(0, 3).Select(row => probe.CopyScores.Min(scores => scores[row])).ToArray();
        // Between a row's lowest copy and its mean.
        var threshold = (lowest[1] + probe.Scores[1]) / 2;
        using var past = new World() { Hinge = new(threshold) };
        using var ofMean = Gradient(past, noise, Three, world.Reward);
        using var ofEach = Gradient(past, noise, Three with { Loss = SmoothedLoss.MeanOfHinges }, world.Reward);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(ofMean.SquaredNorms[1], Is.Zero);
            Assert.That(ofEach.SquaredNorms[1], Is.GreaterThan(0));
            Assert.That(
                ofMean.Loss,
                Is.EqualTo(probe.Scores.Sum(score => Math.Max(0, threshold - score)) / 3).Within(1e-14)
            );
            Assert.That(
                ofEach.Loss,
                Is.EqualTo(probe.CopyScores.Sum(scores => scores.Sum(score => Math.Max(0, threshold - score))) / 9)
                    .Within(1e-14)
            );
        }
    }

    [Test]
    public void Off_asks_for_no_noise_and_changes_no_bit()
    {
        using var world = new World(type: ScalarType.Float32);
        using var plain = Gradient(world, null, null, world.Reward);
        using var off = Gradient(world, null, new RewardSmoothing(Copies: 0, Std: 3), world.Reward);
        Assert.That(TensorValues.Numbers(off.Gradient_R), Is.EqualTo(TensorValues.Numbers(plain.Gradient_R)));
        Assert.That((off.Loss, off.CopyScores.Count), Is.EqualTo((plain.Loss, 1)));
        Assert.That(off.CopyScores[0], Is.EqualTo(plain.Scores));
    }

    [Test]
    public void Missing_noise_and_noise_of_another_shape_are_refused()
    {
        using var world = new World();
        using var few = world.Random([2, 3, 2, 4, 4], 1);
        using var wrong = world.Random([3, 2, 2, 4, 4], 1);
        Assert.That(
            () => Gradient(world, null, Three, world.Reward),
            Throws.ArgumentException.With.Message.Contains("3 perturbed copies")
        );
        Assert.That(
            () => Gradient(world, few, Three, world.Reward),
            Throws.ArgumentException.With.Message.Contains("3 perturbed copies")
        );
        Assert.That(
            () => Gradient(world, wrong, Three, world.Reward),
            Throws.ArgumentException.With.Message.Contains("perturbed copy")
        );
    }

    private static RewardGradient Gradient(
        World world,
        Tensor? noise,
        RewardSmoothing? smoothing,
        IReward reward,
        SurrogatePlan? plan = null
    )
    {
        var inputs = world.Inputs(plan ?? new SparsePlanner(new()).FromIndices(Schedule, [2, 6])) with
        {
            Smoothing_NR = noise,
        };
        var executor = world.Executor();
        using var rollout = executor.Rollout(inputs);
        var weights = executor.Weigh(inputs, rollout);
        return executor.RewardGradient(inputs, rollout, weights, reward, world.Hinge, smoothing: smoothing);
    }

    private sealed class SquareReward : IReward
    {
        public Tensor Score(Tensor latents_R, Conditioning conditioning) =>
            (latents_R * latents_R).flatten(1).sum(1) * -1;
    }
}
