using FlowBP.Settings;
using FlowBP.Surrogates;
using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;
using FlowBP.Training.Devices;
using FlowBP.Training.Diagnosis;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Tests;

/// <summary>The embedded model is measured with the gradients that training takes; what can't be measured is refused by name.</summary>
public class DiagnosisRunTests
{
    private const int Steps = 12;
    private const int Batch = 2;

    [TestCase("refl")]
    [TestCase("draft-lv")]
    [TestCase("leapalign")]
    [TestCase("flowbp-bridge")]
    [TestCase("full")]
    public void What_is_measured_is_the_gradient_of_a_training_step(string method)
    {
        var settings = DiagnosisSettings.Table.Bind(
            "diagnose",
            [new("batch_size", $"{Batch}"), new("rollout_steps", $"{Steps}"), new("cpu_workers", "1")]
        );
        var config = AlignmentConfig.Resolve([
            new("method", method),
            new("train_batch_size", $"{Batch}"),
            new("rollout_steps", $"{Steps}"),
            new("latent_dtype", "float32"),
            new("cpu_workers", "1"),
            new("hinge_lambda", "1000000"),
        ]);
        var prompts = PromptFile.Read(config.Prompts);
        using var model = settings.Model.Open(ComputeDevice.Cpu, prompts, null, settings.Training);
        using var reward = RewardFolder.Load(config.Judges.RewardFolder);
        using var trainer = new AlignmentTrainer(config, model, reward, prompts);
        var subject = DiagnosisRun.Subject(settings, model, reward, prompts);

        var report = trainer.AccumulateGradients(0);
        using var trained = FlatGradient.Take(subject.Parameters);
        using var probe = new DrawProbe(subject, new(2, 2, Batch), draw: 0);
        var plan = probe.Plan(MethodRegistry.Get(method).Create([]), DrawScope.PerSample, 0);
        using var measured = probe.Gradient(subject.Detached!, plan, 0);

        var difference = trained.SquaredNorm() + measured.Gradient.SquaredNorm() - 2 * trained.Dot(measured.Gradient);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(trained.SquaredNorm(), Is.GreaterThan(0));
            // A rollout that stops early has batches of other sizes, whose products round differently.
            Assert.That(difference / trained.SquaredNorm(), Is.LessThan(1e-8));
            Assert.That(measured.Report.Indices, Is.EqualTo(report.Indices), "the same draws");
            Assert.That(measured.Report.Reward, Is.EqualTo(report.Reward).Within(1e-5));
            Assert.That(plan.Samples.Sum(sample => sample.RolloutSteps), Is.EqualTo(report.RolloutEvaluations.Samples));
            Assert.That(measured.Report.Pullbacks.Samples, Is.EqualTo(report.Pullbacks.Samples));
        }
    }

    [TestCase("methods", "refl,flowbp-spars", "unknown method 'flowbp-spars'")]
    [TestCase("methods", "refl,full,refl", "methods names refl twice")]
    [TestCase("rollout_steps", "4", "method refl has no plan for rollout_steps 4: refl_last_n_steps must be in [1, 4]")]
    [TestCase("height", "32", "height and width are given together or not at all")]
    public void What_can_not_be_measured_is_refused_before_a_model_is_loaded(
        string name,
        string text,
        string message
    ) =>
        Assert.That(
            () => DiagnosisSettings.Table.Bind("diagnose", [new(name, text), new("model", "/no/model")]).Check(),
            Throws.InstanceOf<InvalidSettingException>().With.Message.StartsWith(message)
        );

    [TestCase("draws", "1")]
    [TestCase("index_draws", "1")]
    [TestCase("batch_size", "0")]
    public void A_variance_needs_two_draws(string name, string text) =>
        Assert.That(
            () => DiagnosisSettings.Table.Bind("diagnose", [new(name, text)]),
            Throws.InstanceOf<InvalidSettingException>().With.Message.StartsWith($"{name} must be an integer ≥ ")
        );

    [Test]
    public void An_estimate_leaves_out_draws_in_which_it_is_not_defined()
    {
        var some = Estimate.Mean([1, double.NaN, 3])!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That((some.Value, some.Ci95[0], some.Ci95[1]), Is.EqualTo((2.0, 1.0, 3.0)));
            Assert.That(Estimate.Mean([double.NaN, double.NaN]), Is.Null);
            Assert.That(new Estimate(1, [0, 2]).Overlaps(new(3, [2, 4])));
            Assert.That(new Estimate(1, [0, 2]).Overlaps(new(3, [2.1, 4])), Is.False);
        }
    }

    [Test]
    public void Readings_name_neighbours_whose_intervals_overlap_and_those_that_differences_do_not_tell_apart()
    {
        var report = new DiagnosisReport
        {
            Parameters = 1,
            Draws = 6,
            IndexDraws = 2,
            BatchSize = 1,
            RolloutSteps = 2,
            OrderedByDetached = false,
            PeakMemoryOf = PeakMemoryKind.Tensors,
            Seconds = 0,
            Methods =
            [
                Method("a", 0.9, 0.91, 0.88, 0.9, 0.89, 0.9),
                // Wide intervals, and yet always the same distance from the next.
                Method("b", 0.8, 0.4, 0.6, 0.7, 0.5, 0.6),
                Method("c", 0.79, 0.39, 0.59, 0.69, 0.49, 0.59),
                Method("d", 0.5, 0.6, 0.5, 0.6, 0.7, 0.6),
            ],
        };
        var readings = DiagnosisReadings.Of(report);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                readings,
                Has.Some.EqualTo("Closest to full backpropagation first: a 0.897, b 0.600, c 0.590, d 0.583.")
            );
            Assert.That(readings, Has.Some.EqualTo("Intervals of neighbours overlap in: b, c, d."));
            Assert.That(
                readings,
                Has.Some.EqualTo("Draw by draw, on the same prompts and noise, neighbours are told apart but in: c, d.")
            );
            Assert.That(DiagnosisReadings.Of(report with { Draws = 5 }), Has.Some.Contains("too few to tell"));
        }

        static MethodDiagnosis Method(string name, params double[] cosines)
        {
            var fidelity = new BranchFidelity
            {
                Cosine = Estimate.Mean(cosines),
                CosineByDraw = [.. cosines.Select(cosine => (double?)cosine)],
                NormRatio = null,
                MeanCosine = null,
                VariancePerSample = null,
                VariancePerBatch = null,
                ZeroGradients = 0,
                Seconds = 0,
                PeakMemoryBytes = null,
            };
            return new()
            {
                Method = name,
                Detached = null,
                Attached = fidelity,
                SplitDeviation = null,
                EndDeviation = null,
                ReconstructionError = null,
                Coverage = null,
                ActiveShareByStep = [],
                NestedDepth = 0,
                ForwardsPerSample = 0,
                ProductsPerSample = 0,
            };
        }
    }
}
