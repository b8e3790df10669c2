// Shape legend: B batch.

using System.Globalization;
using FlowBP.Families;
using FlowBP.Settings;
using FlowBP.Shapes;
using FlowBP.Surrogates;
using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;
using FlowBP.Training.FlowMatching;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Planning;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Tests;

/// <summary>The flow-matching loss as a setting of a run.</summary>
public class FlowMatchingTrainingTests
{
    // No reward pulls.
    private static readonly (string, string) s_past = ("hinge_lambda", "-100");
    private static readonly (string, string) s_one = ("vjp_batch_size", "1");

    private static readonly (string, string)[] s_embedded =
    [
        ("flow_matching_weight", "0.5"),
        ("flow_matching_data", "embedded"),
    ];

    [Test]
    public void Its_gradient_is_that_of_the_loss_by_autograd_through_the_whole_network()
    {
        var config = Config(3, 1, [s_past, ("flow_matching_batch_size", "4"), .. s_embedded]);
        using var run = new Run(config);
        var report = run.Trainer.AccumulateGradients(0);
        var found = run.Gradients();

        run.Trainer.Optimizer.ZeroGrad();
        using var scope = torch.NewDisposeScope();
        var data = run.Term.Draw(0, 0, 4);
        var t_B = torch.tensor(data.Times.Select(t => (float)t).ToArray());
        var t_B111 = t_B.reshape(4, 1, 1, 1);
        var x_B = data.Latents_B * (1 - t_B111) + data.Noise_B * t_B111;
        var v_B = Fields.Whole(run.Model.Model.Transformer).Forward(x_B, t_B, data.Conditioning);
        var loss = F.mse_loss(v_B, data.Noise_B - data.Latents_B) * 0.5;
        loss.backward();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.FlowMatchingLoss, Is.EqualTo(loss.item<float>()).Within(1e-5));
            Assert.That(report.FlowMatchingLoss, Is.GreaterThan(0.01));
            // Cut into the batch's three samples and one.
            Assert.That(report.FlowMatchingEvaluations, Is.EqualTo(new Evaluations(2, 4)));
            Assert.That(Distance(found, run.Gradients()), Is.LessThan(1e-4));
        }
    }

    [Test]
    public void Latents_are_what_the_model_paints_such_pictures_from()
    {
        using var run = new Run(Config(2, 1, s_embedded));
        using var data = run.Term.Draw(0, 0, 8);
        var latents = Numbers(data.Latents_B);
        using var pixels = run.Model.Painter.Decode(data.Latents_B);
        using var image_BCYX = run.Pictures(0, 8);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(data.Latents_B.shape[1..], Is.EqualTo(run.Model.LatentShape));
            Assert.That(latents.Average(x => x * x), Is.EqualTo(1).Within(0.5), "the scale that noise has");
            Assert.That(
                Numbers(pixels).Zip(Numbers(image_BCYX), (a, b) => Math.Abs(a - b)).Average(),
                Is.LessThan(0.02)
            );
        }
    }

    [Test]
    public void Off_leaves_every_number_as_it_was_and_on_adds_to_them()
    {
        var off = Gradient(2, 1, []);
        var on = Gradient(2, 1, s_embedded);
        var alone = Gradient(2, 1, [s_past, .. s_embedded]);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(off.Report.FlowMatchingLoss, Is.Null);
            Assert.That(on.Report.Indices, Is.EqualTo(off.Report.Indices));
            Assert.That(on.Report.Loss, Is.EqualTo(off.Report.Loss), "to the bit: no other draw has moved");
            Assert.That(on.Report.Reward, Is.EqualTo(off.Report.Reward));
            Assert.That(on.Report.FlowMatchingLoss, Is.EqualTo(alone.Report.FlowMatchingLoss));
            Assert.That(
                Distance(on.Values, [.. off.Values.Zip(alone.Values, (one, other) => one + other)]),
                Is.LessThan(1e-6)
            );
            Assert.That(Distance(on.Values, off.Values), Is.GreaterThan(1e-3));
        }
    }

    [Test]
    public void Parts_of_an_update_are_one_batch()
    {
        var whole = Gradient(4, 1, [s_past, .. s_embedded]);
        var parts = Gradient(2, 2, [s_past, .. s_embedded]);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                parts.Report.FlowMatchingLoss,
                Is.EqualTo(whole.Report.FlowMatchingLoss!.Value).Within(1e-4).Percent
            );
            Assert.That(Distance(parts.Values, whole.Values), Is.LessThan(1e-5));
            // Sample by sample, nothing is cut otherwise.
            Assert.That(
                Gradient(2, 2, [s_past, s_one, .. s_embedded]).Values,
                Is.EqualTo(Gradient(4, 1, [s_past, s_one, .. s_embedded]).Values)
            );
        }
    }

    [Test]
    public void The_filters_correction_of_the_rewards_mean_is_none_of_its()
    {
        (string, string)[] method = [("method", "leapalign")];
        var mean = Gradient(4, 1, method).Report.EndDeviation!.Value;
        var bound = Enumerable
            .Range(4, 17)
            .Select(tenths => (mean * tenths / 10).ToString("R", CultureInfo.InvariantCulture))
            .First(text =>
                Gradient(4, 1, [.. method, ("traj_filter_d0_max", text)]).Report.KeptFraction is > 0 and < 1
            );
        (string, string)[] filter = [.. method, ("traj_filter_d0_max", bound)];
        var off = Gradient(4, 1, filter);
        var on = Gradient(4, 1, [.. filter, .. s_embedded]);
        var alone = Gradient(4, 1, [s_past, .. s_embedded]);
        double[] added = [.. on.Values.Zip(off.Values, (one, other) => one - other)];
        Assert.That(on.Report.FlowMatchingLoss, Is.EqualTo(alone.Report.FlowMatchingLoss));
        Assert.That(Distance(added, alone.Values), Is.LessThan(1e-4));
    }

    [Test]
    public void Threads_share_a_batch()
    {
        var one = Gradient(4, 1, [s_past, .. s_embedded]);
        var two = Gradient(4, 1, [s_past, ("cpu_workers", "2"), .. s_embedded]);
        Assert.That(two.Report.FlowMatchingLoss, Is.EqualTo(one.Report.FlowMatchingLoss!.Value).Within(1e-4).Percent);
        Assert.That(Distance(two.Values, one.Values), Is.LessThan(1e-5));
    }

    [Test]
    public void A_run_that_goes_on_elsewhere_has_the_same_bits()
    {
        var config = Config(2, 1, [s_past, .. s_embedded]);
        using var run = new Run(config);
        run.Trainer.Step(0);
        run.Trainer.Step(1);
        using var other = new Run(config);
        other.CopyFrom(run);
        var expected = run.Trainer.AccumulateGradients(2);
        var found = other.Trainer.AccumulateGradients(2);
        Assert.That(found.FlowMatchingLoss, Is.EqualTo(expected.FlowMatchingLoss));
        Assert.That(other.Gradients(), Is.EqualTo(run.Gradients()));
        Assert.That(other.Trainer.AccumulateGradients(3).FlowMatchingLoss, Is.Not.EqualTo(found.FlowMatchingLoss));
    }

    [TestCase(null)]
    [TestCase("4")]
    public void Updates_lower_it_and_an_adapter_is_all_that_moves(string? rank)
    {
        (string, string)[] adapter = rank is null ? [] : [("lora_rank", rank)];
        using var run = new Run(Config(4, 1, [s_past, ("lr_warmup_steps", "0"), .. s_embedded, .. adapter]));
        var weights = run.Model.Model.Transformer.named_parameters().ToArray();
        var before = weights.Select(each => Numbers(each.parameter)).ToArray();
        // The same draws each time.
        var losses = Enumerable
            .Range(0, 8)
            .Select(_ => run.Trainer.Step(0).Surrogate.FlowMatchingLoss!.Value)
            .ToArray();
        var moved = weights.Where((each, i) => !Numbers(each.parameter).SequenceEqual(before[i])).ToArray();
        Assert.That(losses[^1], Is.LessThan(0.99 * losses[0]));
        Assert.That(moved, rank is null ? Is.Not.Empty : Is.Empty);
    }

    [Test]
    public void Embedded_data_is_of_the_training_prompts_and_of_no_held_out_one()
    {
        var training = PromptFile.Read(EmbeddedAssets.TrainingPrompts);
        Assert.That(new PromptedScenes(training).Captions, Is.EqualTo(training));
        foreach (var list in new[] { PromptList.Choice, PromptList.Test })
        {
            foreach (var prompt in PromptSets.List(list).Select(prompt => prompt.Text))
            {
                Assert.That(
                    () => new PromptedScenes([training[0], prompt]),
                    Throws.TypeOf<InvalidDataException>().With.Message.Contains(prompt).And.Message.Contains("held out")
                );
            }
        }
        Assert.That(
            () => new PromptedScenes(["a cat"]),
            Throws.TypeOf<InvalidDataException>().With.Message.Contains("a cat")
        );
        Assert.That(
            () => new PromptedScenes(training).Check(new ImageSize(64, 32)),
            Throws.TypeOf<InvalidDataException>().With.Message.Contains("32 × 32")
        );
    }

    [TestCase("flow_matching_weight=1", "flow_matching_weight needs flow_matching_data")]
    [TestCase("flow_matching_data=embedded", "no meaning without flow_matching_weight")]
    [TestCase("flow_matching_batch_size=4", "no meaning without flow_matching_weight")]
    [TestCase("flow_matching_weight=1 flow_matching_data=embedded model=/models/sd35", "for the embedded model alone")]
    [TestCase("flow_matching_weight=-1 flow_matching_data=embedded", "flow_matching_weight")]
    [TestCase("flow_matching_times=cosine", "logit_normal | uniform")]
    public void Settings_that_mean_nothing_are_refused(string given, string message)
    {
        var pairs = given
            .Split(' ')
            .Select(pair => pair.Split('='))
            .Select(pair => KeyValuePair.Create(pair[0], pair[1]));
        Assert.That(
            () => AlignmentConfig.Resolve(pairs),
            Throws.InstanceOf<InvalidSettingException>().With.Message.Contains(message)
        );
    }

    [Test]
    public void A_plan_counts_its_evaluations()
    {
        const string phase = "flow-matching loss";
        KeyValuePair<string, string>[] given =
        [
            new("model", "sd35"),
            new("batch", "64"),
            new("flow_matching_weight", "1"),
        ];
        var plain = new RunPlan(PlanRequests.Resolve([new("model", "sd35"), new("batch", "64")]));
        var all = new RunPlan(PlanRequests.Resolve(given));
        var some = new RunPlan(PlanRequests.Resolve([.. given, new("flow_matching_batch_size", "16")]));
        var products = all.Work.Single(part => part.Name == "vector-Jacobian products");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(plain.Work.Select(part => part.Name), Does.Not.Contain(phase));
            Assert.That(
                all.Work.Single(part => part.Name == phase).Flops,
                Is.EqualTo(4 * Flops(some)).Within(1e-9).Percent
            );
            // A product there is two forwards and a backward too: blocks are run again.
            Assert.That(
                all.Work.Single(part => part.Name == phase).Flops,
                Is.EqualTo(products.Flops / all.Cost.ActiveSteps / all.Cost.Images).Within(1e-9).Percent
            );
            Assert.That(all.PeakBytes, Is.EqualTo(plain.PeakBytes), "no phase is larger than a product's");
        }

        static double Flops(RunPlan plan) => plan.Work.Single(part => part.Name == phase).Flops;
    }

    private static (SurrogateReport Report, double[] Values) Gradient(
        int batch,
        int parts,
        (string Name, string Text)[] others
    )
    {
        using var run = new Run(Config(batch, parts, others));
        var report = run.Trainer.AccumulateGradients(0);
        return (report, run.Gradients());
    }

    private static double Distance(double[] one, double[] other) =>
        Math.Sqrt(one.Zip(other, (a, b) => (a - b) * (a - b)).Sum() / other.Sum(b => b * b));

    private static AlignmentConfig Config(int batch, int parts, IEnumerable<(string Name, string Text)> others)
    {
        var given = new Dictionary<string, string>
        {
            ["method"] = "flowbp-sparse",
            ["train_batch_size"] = $"{batch}",
            ["gradient_accumulation_steps"] = $"{parts}",
            ["rollout_steps"] = "8",
            ["latent_dtype"] = "float32",
            ["device"] = "cpu",
            ["cpu_workers"] = "1",
        };
        foreach (var (name, text) in others)
        {
            given[name] = text;
        }
        return AlignmentConfig.Resolve(given);
    }

    private sealed class Run : IDisposable
    {
        private readonly AlignmentConfig config;
        private readonly IImageReward reward;
        private readonly IReadOnlyList<string> prompts;

        public Run(AlignmentConfig config)
        {
            this.config = config;
            prompts = PromptFile.Read(config.Prompts);
            Model = new TextToImage(config.Model, config.Training);
            reward = RewardFolder.Load(config.Judges.RewardFolder);
            Trainer = new AlignmentTrainer(config, Model, reward, prompts);
        }

        public TextToImage Model { get; }

        public AlignmentTrainer Trainer { get; }

        /// <summary>Draws as the trainer's own does.</summary>
        public FlowMatchingTerm Term =>
            FlowMatchingTerm.Of(config, Model, prompts, Model.Schedule(config.RolloutSteps))!;

        /// <summary>The pictures that a step's samples are.</summary>
        public Tensor Pictures(int step, int samples) => Term.Pictures(step, 0, samples).Pixels_BCYX;

        public double[] Gradients() => TrainedGradients.Of(Model);

        public void CopyFrom(Run other)
        {
            using var noGrad = torch.no_grad();
            foreach (var (to, from) in Model.TrainedParameters.Zip(other.Model.TrainedParameters))
            {
                to.Parameter.copy_(from.Parameter);
            }
        }

        public void Dispose()
        {
            Trainer.Dispose();
            reward.Dispose();
            Model.Dispose();
        }
    }
}
