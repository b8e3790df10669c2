using FlowBP.Families;
using FlowBP.Settings;
using FlowBP.Surrogates;
using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Ranks;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Tests;

/// <summary>Several ranks train what one rank trains.</summary>
public class RankedTrainingTests
{
    private const double Tolerance = 1e-5;

    [TestCase("full", "none")]
    [TestCase("full", "optimizer")]
    [TestCase("adapter", "none")]
    public void Any_number_of_ranks_trains_what_one_does_over_twenty_steps(string trained, string sharding)
    {
        var config = Config("flowbp-sparse", ("rollout_steps", "2"), ("sharding", sharding));
        var one = Trained(config, trained == "adapter", size: 1, steps: 20)[0];
        foreach (var size in sharding == "optimizer" ? [2, 4] : new[] { 2 })
        {
            var ranks = Trained(config, trained == "adapter", size, steps: 20);
            foreach (var rank in ranks)
            {
                AssertSame(one, rank);
                Assert.That(rank.Weights, Is.EqualTo(ranks[0].Weights), "the same bits on every rank");
            }
            // Weights on every rank; of the moments and the average a part each, or all.
            foreach (var rank in ranks)
            {
                var share = sharding == "optimizer" ? one.StateElements / (double)size : one.StateElements;
                Assert.That(rank.StateElements, Is.EqualTo(share).Within(5).Percent);
            }
        }
    }

    // Two batches of two on three ranks: shares of one, one and two samples, of which one lies across both batches.
    [TestCase("leapalign", "per_batch")]
    [TestCase("flowbp-bridge", "per_sample")]
    [TestCase("draft-lv", "per_batch")]
    public void Batches_are_divided_wherever_they_are_cut(string method, string indexDraw)
    {
        var config = Config(
            method,
            ("train_batch_size", "2"),
            ("gradient_accumulation_steps", "2"),
            ("index_draw", indexDraw),
            ("anchor_weight", "0.1"),
            ("flow_matching_weight", "0.2"),
            ("flow_matching_data", "embedded")
        );
        var one = Trained(config, adapter: false, size: 1, steps: 2)[0];
        foreach (var rank in Trained(config, adapter: false, size: 3, steps: 2))
        {
            AssertSame(one, rank);
        }
    }

    [Test]
    public void The_mean_is_over_the_samples_that_the_filter_keeps_on_all_ranks()
    {
        var config = Config("leapalign");
        var deviation = Trained(config, adapter: false, size: 1, steps: 1)[0].Reports[0].Surrogate.EndDeviation!.Value;
        foreach (var factor in new[] { 0.8, 1.1 })
        {
            var filtered = Config(
                "leapalign",
                ("traj_filter_d0_max", FormattableString.Invariant($"{deviation * factor}"))
            );
            var one = Trained(filtered, adapter: false, size: 1, steps: 1)[0];
            foreach (var rank in Trained(filtered, adapter: false, size: 4, steps: 1))
            {
                AssertSame(one, rank);
            }
        }
    }

    [Test]
    public void A_number_that_is_not_finite_on_one_rank_is_named_by_all_and_none_updates()
    {
        var config = Config("flowbp-sparse");
        var ranks = Each(
            2,
            group =>
            {
                using var world = new RankWorld(config, adapter: false, group, breaks: group.Rank == 1);
                var before = world.Weights();
                var thrown = Assert.Throws<RankNonFiniteException>(() => world.Trainer.Step(0));
                return (thrown!.Message, IsAsBefore: world.Weights().SequenceEqual(before), thrown.Rank);
            }
        );
        foreach (var (message, isAsBefore, rank) in ranks)
        {
            Assert.That(message, Does.StartWith("rank 1: reward of sample 0 is not finite"));
            Assert.That(rank, Is.EqualTo(1));
            Assert.That(isAsBefore, "no rank has updated");
        }
    }

    [Test]
    public void Weights_that_are_not_the_same_on_all_ranks_are_found_and_named()
    {
        var config = Config("flowbp-sparse", ("rollout_steps", "2"), ("weights_check_interval", "2"));
        var thrown = Each(
            3,
            group =>
            {
                using var world = new RankWorld(config, adapter: false, group);
                if (group.Rank == 1)
                {
                    world.Change("proj_out.bias");
                }
                world.Trainer.Step(0);
                return Assert.Throws<RanksDifferException>(() => world.Trainer.Step(1))!;
            }
        );
        Assert.That(thrown.Select(each => each.Ranks), Is.All.EqualTo(new[] { 1 }));
        Assert.That(thrown.Select(each => each.Message), Is.All.StartsWith("after step 2 "));
    }

    [Test]
    public void More_ranks_than_samples_are_refused()
    {
        var config = Config("flowbp-sparse", ("train_batch_size", "1"));
        var messages = Each(
            2,
            group =>
                Assert
                    .Throws<InvalidSettingException>(() => new RankWorld(config, adapter: false, group).Dispose())!
                    .Message
        );
        Assert.That(
            messages,
            Is.All.StartsWith(
                "an update has 1 samples (train_batch_size times gradient_accumulation_steps, over all ranks), and there are 2 ranks"
            )
        );
    }

    private sealed record Outcome(
        IReadOnlyList<StepReport> Reports,
        double[] Weights,
        double[] Average,
        long StateElements
    );

    private static void AssertSame(Outcome one, Outcome other)
    {
        foreach (var (expected, found) in one.Reports.Zip(other.Reports))
        {
            using (Assert.EnterMultipleScope())
            {
                Assert.That(found.Surrogate.Indices, Is.EqualTo(expected.Surrogate.Indices), "the same draws");
                Assert.That(found.Surrogate.Reward, Near(expected.Surrogate.Reward));
                Assert.That(found.Surrogate.Loss, Near(expected.Surrogate.Loss));
                Assert.That(found.Surrogate.KeptFraction, Is.EqualTo(expected.Surrogate.KeptFraction).Within(1e-12));
                Assert.That(
                    found.Surrogate.ActiveFraction,
                    Is.EqualTo(expected.Surrogate.ActiveFraction).Within(1e-12)
                );
                Assert.That(found.Surrogate.AnchorLoss, Near(expected.Surrogate.AnchorLoss));
                Assert.That(found.Surrogate.FlowMatchingLoss, Near(expected.Surrogate.FlowMatchingLoss));
                Assert.That(found.GradNorm, Is.EqualTo(expected.GradNorm).Within(0.1).Percent);
                Assert.That(found.Surrogate.Pullbacks.Samples, Is.EqualTo(expected.Surrogate.Pullbacks.Samples));
            }
        }
        Assert.That(Largest(one.Weights, other.Weights), Is.LessThan(Tolerance));
        Assert.That(Largest(one.Average, other.Average), Is.LessThan(Tolerance));
    }

    private static NUnit.Framework.Constraints.Constraint Near(double? expected) =>
        expected is { } value ? Is.EqualTo(value).Within(Tolerance * Math.Max(1, Math.Abs(value))) : Is.Null;

    private static double Largest(double[] one, double[] other) =>
        one.Zip(other, (a, b) => Math.Abs(a - b)).DefaultIfEmpty().Max();

    private static Outcome[] Trained(AlignmentConfig config, bool adapter, int size, int steps) =>
        Each(
            size,
            group =>
            {
                using var world = new RankWorld(config, adapter, group);
                var reports = Enumerable.Range(0, steps).Select(world.Trainer.Step).ToArray();
                var weights = world.Weights();
                using var averaged = world.Trainer.Averaged();
                return new Outcome(
                    reports,
                    weights,
                    world.Weights(),
                    world.Trainer.Optimizer.State.Sum(state => state.ExpAvg.numel() + state.Average!.numel())
                );
            }
        );

    private static T[] Each<T>(int size, Func<RankGroup, T> work)
    {
        var results = new T[size];
        if (size == 1)
        {
            results[0] = work(RankGroup.Alone);
            return results;
        }
        RankThreads.Together(
            size,
            ranks => results[ranks.Communicator.Rank] = work(new RankGroup(ranks.Communicator)),
            seconds: 60
        );
        return results;
    }

    private static AlignmentConfig Config(string method, params (string Name, string Text)[] others)
    {
        var settings = new Dictionary<string, string>
        {
            ["method"] = method,
            ["train_batch_size"] = "4",
            ["rollout_steps"] = "6",
            ["latent_dtype"] = "float32",
            ["hinge_lambda"] = "100",
            ["rollout_batch_size"] = "1",
            ["reward_batch_size"] = "1",
            ["vjp_batch_size"] = "1",
            // A gradient near 0 would otherwise be a whole step of either sign, by its last bits.
            ["adam_epsilon"] = "1e-3",
        };
        foreach (var (name, text) in others)
        {
            settings[name] = text;
        }
        return AlignmentConfig.Resolve([.. settings]);
    }

    // A rank's own model, reward and trainer.
    private sealed class RankWorld : IDisposable
    {
        // A network that is being built is one for the whole process.
        private static readonly Lock s_loading = new();

        private readonly TextToImage model;
        private readonly IImageReward reward;

        public RankWorld(AlignmentConfig config, bool adapter, RankGroup ranks, bool breaks = false)
        {
            torch.set_num_threads(1);
            var training = adapter ? new TrainingSettings { LoraRank = 2 } : null;
            lock (s_loading)
            {
                model = new TextToImage(
                    config.Model with
                    {
                        CpuWorkers = 1,
                    },
                    training,
                    prompts: new OneByOne(PromptEncoders.Of(config.Model.Folder))
                );
                reward = new OneByOneReward(RewardFolder.Load(config.Judges.RewardFolder));
            }
            reward = breaks ? new BrokenReward(reward) : reward;
            lock (s_loading)
            {
                // The reference of the anchor is built here.
                Trainer = new AlignmentTrainer(config, model, reward, PromptFile.Read(config.Prompts), ranks);
            }
            // Nobody computes while somebody loads.
            ranks.Exchange([]);
        }

        public AlignmentTrainer Trainer { get; }

        // As a cosmic ray would: the last bit of one element.
        public void Change(string name)
        {
            using var noGrad = torch.no_grad();
            var parameter = model.TrainedParameters.First(each => each.Name == name).Parameter;
            parameter[0] = parameter[0] * (1 + 1e-6f);
        }

        public double[] Weights() =>
            [.. model.TrainedParameters.SelectMany(each => TensorValues.Numbers(each.Parameter))];

        public void Dispose()
        {
            Trainer?.Dispose();
            reward.Dispose();
            model.Dispose();
        }
    }

    private sealed class BrokenReward(IImageReward inner) : IImageReward
    {
        public string Name => inner.Name;

        public Conditioning Encode(IReadOnlyCollection<string> prompts) => inner.Encode(prompts);

        public Tensor Score(Tensor image_BCYX, Conditioning conditioning) =>
            inner.Score(image_BCYX, conditioning) * double.NaN;

        public void Dispose() => inner.Dispose();
    }
}
