using FlowBP.Settings;
using FlowBP.Surrogates;
using FlowBP.Training.Configuration;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Planning;

namespace FlowBP.Training.Tests;

/// <summary>Anchor and smoothed reward as settings of a run.</summary>
public class AnchoredTrainingTests
{
    private static readonly (string, string)[] s_both =
    [
        ("anchor_weight", "0.5"),
        ("norm_hinge_weight", "3"),
        ("norm_hinge_margin", "0.001"),
    ];

    private static readonly (string, string)[] s_smooth =
    [
        ("reward_smoothing_copies", "2"),
        ("reward_smoothing_std", "0.1"),
    ];

    [TestCase("flowbp-bridge")]
    [TestCase("draft-lv")]
    public void Two_batches_of_two_are_one_of_four(string method)
    {
        var whole = Gradient(method, 4, 1, moved: true, [.. s_both, .. s_smooth]);
        var parts = Gradient(method, 2, 2, moved: true, [.. s_both, .. s_smooth]);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(whole.Report.AnchorLoss, Is.GreaterThan(0));
            Assert.That(parts.Report.AnchorLoss, Is.EqualTo(whole.Report.AnchorLoss!.Value).Within(0.1).Percent);
            Assert.That(parts.Report.Loss, Is.EqualTo(whole.Report.Loss).Within(0.1).Percent);
            Assert.That(
                parts.Report.VelocityNormRatio,
                Is.EqualTo(whole.Report.VelocityNormRatio!.Value).Within(0.01).Percent
            );
            Assert.That(Distance(parts.Values, whole.Values), Is.LessThan(1e-3));
        }
    }

    [Test]
    public void Without_a_reference_there_are_no_alarms_and_with_one_that_only_compares_no_other_gradient()
    {
        var plain = Gradient("flowbp-bridge", 2, 1, moved: true, []);
        var compared = Gradient("flowbp-bridge", 2, 1, moved: true, [("compare_to_base", "true")]);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(plain.Report.VelocityNormRatio, Is.Null);
            Assert.That(plain.Report.VelocitySquaredDifference, Is.Null);
            Assert.That(compared.Report.VelocityNormRatio, Is.Not.EqualTo(1).Within(1e-4));
            Assert.That(compared.Report.VelocitySquaredDifference, Is.GreaterThan(0));
            Assert.That(compared.Report.AnchorLoss, Is.Zero);
            Assert.That(compared.Values, Is.EqualTo(plain.Values));
        }
    }

    [TestCase(null)]
    [TestCase("4")]
    public void Before_the_first_update_the_model_is_its_own_reference(string? rank)
    {
        (string, string)[] adapter = rank is null ? [] : [("lora_rank", rank)];
        var report = Gradient("flowbp-sparse", 2, 1, moved: false, [.. s_both, .. adapter]).Report;
        using (Assert.EnterMultipleScope())
        {
            // Another batch size rounds differently.
            Assert.That(report.VelocityNormRatio, Is.EqualTo(1).Within(1e-5));
            Assert.That(report.VelocitySquaredDifference, Is.EqualTo(0).Within(1e-9));
            Assert.That(report.AnchorLoss, Is.EqualTo(0).Within(1e-9));
        }
    }

    [Test]
    public void An_anchor_pulls_a_model_back_where_no_reward_pulls()
    {
        var config = Config("flowbp-sparse", 2, 1, [("hinge_lambda", "-100"), ("anchor_weight", "1")]);
        using var open = new OpenTrainer(config);
        var (model, trainer) = (open.Model, open.Trainer);
        Move(model);
        var first = trainer.Step(0);
        // The same draws again, after updates along the anchor's gradient.
        for (var step = 1; step < 6; step++)
        {
            trainer.Step(0);
        }
        var last = trainer.Step(0);
        Assert.That(first.GradNorm, Is.GreaterThan(0));
        Assert.That(
            last.Surrogate.VelocitySquaredDifference,
            Is.LessThan(0.9 * first.Surrogate.VelocitySquaredDifference!.Value)
        );
    }

    [Test]
    public void Noise_of_the_copies_is_a_function_of_seed_and_step()
    {
        var one = Gradient("flowbp-sparse", 2, 1, moved: false, s_smooth);
        var again = Gradient("flowbp-sparse", 2, 1, moved: false, s_smooth);
        var other = Gradient("flowbp-sparse", 2, 1, moved: false, [.. s_smooth, ("reward_smoothing_clean", "false")]);
        var off = Gradient("flowbp-sparse", 2, 1, moved: false, []);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(again.Values, Is.EqualTo(one.Values));
            Assert.That(other.Values, Is.Not.EqualTo(one.Values));
            Assert.That(off.Values, Is.Not.EqualTo(one.Values));
            Assert.That(off.Report.Indices, Is.EqualTo(one.Report.Indices), "no other draw has moved");
        }
    }

    [Test]
    public void A_hinge_that_rounding_decides_is_refused_by_name()
    {
        KeyValuePair<string, string>[] given = [new("norm_hinge_weight", "1"), new("norm_hinge_margin", "0")];
        Assert.That(
            () => AlignmentConfig.Resolve(given),
            Throws.TypeOf<InvalidSettingException>().With.Message.Contains("norm_hinge_margin")
        );
        var squared = AlignmentConfig.Resolve([.. given, new("norm_hinge_power", "2")]).Anchor;
        Assert.That((squared.NormHingePower, squared.NeedsReference), Is.EqualTo((2, true)));
        Assert.That(
            () => AlignmentConfig.Resolve([new("norm_hinge_power", "3")]),
            Throws.TypeOf<InvalidSettingException>().With.Message.Contains("1 | 2")
        );
    }

    [Test]
    public void Compensation_divides_the_anchors_gradient_too()
    {
        var anchor = AlignmentConfig
            .Resolve([new("cfg_guidance", "4"), new("cfg_grad_norm_compensate", "true"), new("anchor_weight", "2")])
            .Anchor;
        Assert.That((anchor.GradientDivisor, anchor.Weight), Is.EqualTo((4, 2)));
    }

    [Test]
    public void A_plan_counts_the_frozen_copy_its_forwards_and_the_rewards_copies()
    {
        KeyValuePair<string, string>[] given = [new("model", "sd35"), new("reward_smoothing_copies", "3")];
        var plain = new RunPlan(PlanRequests.Resolve([new("model", "sd35")]));
        var anchored = new RunPlan(PlanRequests.Resolve([.. given, new("anchor_weight", "1")]));
        var adapter = new RunPlan(PlanRequests.Resolve([.. given, new("anchor_weight", "1"), new("lora_rank", "8")]));
        const string copy = "frozen copy of the base";
        using (Assert.EnterMultipleScope())
        {
            Assert.That(plain.Resident.Select(part => part.Name), Does.Not.Contain(copy));
            Assert.That(adapter.Resident.Select(part => part.Name), Does.Not.Contain(copy));
            // bfloat16, and of the buffers, which are there in bfloat16 and float32, another one in bfloat16.
            Assert.That(
                anchored.Resident.Single(part => part.Name == copy).Bytes,
                Is.EqualTo((2 * anchored.TransformerParameters) + (Bytes(plain, "buffers of the transformer") / 3))
            );
            Assert.That(Flops(anchored, "reward gradient"), Is.EqualTo(4 * Flops(plain, "reward gradient")));
            Assert.That(Flops(anchored, "base model at the active steps"), Is.GreaterThan(0));
            Assert.That(plain.Work.Select(part => part.Name), Does.Not.Contain("base model at the active steps"));
        }
    }

    private static long Bytes(RunPlan plan, string part) => plan.Resident.Single(each => each.Name == part).Bytes;

    private static double Flops(RunPlan plan, string phase) => plan.Work.Single(part => part.Name == phase).Flops;

    private static (SurrogateReport Report, double[] Values) Gradient(
        string method,
        int batch,
        int parts,
        bool moved,
        (string Name, string Text)[] others
    )
    {
        var config = Config(
            method,
            batch,
            parts,
            [("rollout_batch_size", "1"), ("reward_batch_size", "1"), ("vjp_batch_size", "1"), .. others]
        );
        using var open = new OpenTrainer(config, config.Training);
        var (model, trainer) = (open.Model, open.Trainer);
        if (moved)
        {
            Move(model);
        }
        var report = trainer.AccumulateGradients(0);
        return (report, TrainedGradients.Of(model));
    }

    // As training would: away from the reference.
    private static void Move(TextToImage model)
    {
        using var noGrad = torch.no_grad();
        foreach (var (_, parameter) in model.TrainedParameters)
        {
            parameter.mul_(1.01);
        }
    }

    private static double Distance(double[] one, double[] other) =>
        Math.Sqrt(one.Zip(other, (a, b) => (a - b) * (a - b)).Sum() / other.Sum(b => b * b));

    private static AlignmentConfig Config(
        string method,
        int batch,
        int parts,
        IEnumerable<(string Name, string Text)> others
    ) =>
        AlignmentConfig.Resolve([
            new("method", method),
            new("train_batch_size", $"{batch}"),
            new("gradient_accumulation_steps", $"{parts}"),
            new("rollout_steps", "8"),
            new("latent_dtype", "float32"),
            .. others.Select(other => KeyValuePair.Create(other.Name, other.Text)),
        ]);
}
