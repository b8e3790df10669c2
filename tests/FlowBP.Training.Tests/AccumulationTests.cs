using System.Globalization;
using FlowBP.Families;
using FlowBP.Surrogates;
using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;

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

    [TestCase("leapalign")]
    [TestCase("flowbp-lagrange")]
    public void Batches_of_which_the_filter_keeps_different_numbers_are_one_large_batch(string method)
    {
        var whole = Filtered(method);
        var divided = Gradient(method, batch: 2, parts: 2, whole.Bound);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(divided.Report.KeptFraction, Is.EqualTo(whole.Report.KeptFraction));
            Assert.That(divided.Report.Loss, Is.EqualTo(whole.Report.Loss).Within(1e-6));
            Assert.That(Length(whole.Values), Is.GreaterThan(0));
            double[] differences = [.. divided.Values.Zip(whole.Values, (one, other) => one - other)];
            Assert.That(Length(differences) / Length(whole.Values), Is.LessThan(1e-6));
        }
    }

    [Test]
    public void A_step_in_which_every_sample_is_past_the_hinge_changes_nothing()
    {
        var config = Config("flowbp-sparse", 2, 1, ("hinge_lambda", "-100"));
        using var open = new OpenTrainer(config);
        var (model, trainer) = (open.Model, open.Trainer);
        var before = Numbers(model);
        var report = trainer.Step(0);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.GradNorm, Is.Zero);
            Assert.That(report.Surrogate.ActiveFraction, Is.Zero);
            Assert.That(Numbers(model), Is.EqualTo(before), "no decay either");
            Assert.That(trainer.Optimizer.Steps, Is.Zero, "moments and their corrections are as old as they were");
            Assert.That(trainer.StepsDone, Is.EqualTo(1));
        }
        using var averaged = trainer.Averaged();
        Assert.That(Numbers(model), Is.EqualTo(before), "the average did not move");
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

    private sealed record Filtering(double? Bound, SurrogateReport Report, double[] Values);

    // One batch of four, of which the filter keeps one or three: then two batches of two can't keep the same number.
    private static Filtering Filtered(string method)
    {
        var mean = Gradient(method, batch: 4, parts: 1, bound: null).Report.EndDeviation!.Value;
        return Enumerable
            .Range(4, 17)
            .Select(tenths => Gradient(method, batch: 4, parts: 1, mean * tenths / 10))
            .First(found => found.Report.KeptFraction is 0.25 or 0.75);
    }

    private static Filtering Gradient(string method, int batch, int parts, double? bound)
    {
        (string, string)[] filter = bound is null
            ? []
            : [("traj_filter_d0_max", bound.Value.ToString("R", CultureInfo.InvariantCulture))];
        // Everything one sample at a time: float32 products of other sizes round differently, and a dozen steps enlarge that. No sample
        // is past the hinge, so the filter alone decides who has a gradient.
        var config = Config(
            method,
            batch,
            parts,
            [
                ("hinge_lambda", "100"),
                ("rollout_batch_size", "1"),
                ("reward_batch_size", "1"),
                ("vjp_batch_size", "1"),
                .. filter,
            ]
        );
        using var model = new TextToImage(
            config.Model with
            {
                CpuWorkers = 1,
            },
            prompts: new OneByOne(PromptEncoders.Of(config.Model.Folder))
        );
        using var reward = new OneByOneReward(RewardFolder.Load(config.Judges.RewardFolder));
        using var trainer = new AlignmentTrainer(config, model, reward, PromptFile.Read(config.Prompts));
        var report = trainer.AccumulateGradients(0);
        return new(bound, report, TrainedGradients.Of(model));
    }

    private static double[] Numbers(TextToImage model) =>
        [.. model.TrainedParameters.SelectMany(p => TensorValues.Numbers(p.Parameter))];

    private static double Length(double[] values) => Math.Sqrt(values.Sum(value => value * value));

    private static StepReport Step(string method, int batch, int parts, params (string Name, string Text)[] others)
    {
        var config = Config(method, batch, parts, others);
        using var open = new OpenTrainer(config);
        return open.Trainer.Step(0);
    }

    private static AlignmentConfig Config(
        string method,
        int batch,
        int parts,
        params (string Name, string Text)[] others
    ) =>
        AlignmentConfig.Resolve([
            new("method", method),
            new("train_batch_size", $"{batch}"),
            new("gradient_accumulation_steps", $"{parts}"),
            new("rollout_steps", "12"),
            new("latent_dtype", "float32"),
            .. others.Select(other => KeyValuePair.Create(other.Name, other.Text)),
        ]);
}
