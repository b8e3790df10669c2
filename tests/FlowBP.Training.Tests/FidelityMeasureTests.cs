// Fields whose gradients can be written down, through the whole measuring.

using FlowBP.RandomStreams;
using FlowBP.Surrogates;
using FlowBP.Training.Diagnosis;
using static FlowBP.Training.Tests.FidelityWorld;

namespace FlowBP.Training.Tests;

/// <summary>Cosines, ratios and variances against closed forms.</summary>
public class FidelityMeasureTests
{
    [Test]
    public void Full_backpropagation_is_itself_to_the_bit_and_its_plan_has_no_variance()
    {
        var full = Measured(LinearWorld, new(3, 2, 2), ("full", new FullPlanner())).Single();
        using (Assert.EnterMultipleScope())
        {
            foreach (var one in new[] { full.Attached.Cosine!, full.Attached.NormRatio!, full.Attached.MeanCosine! })
            {
                Assert.That((one.Value, one.Ci95[0], one.Ci95[1]), Is.EqualTo((1.0, 1.0, 1.0)));
            }
            Assert.That(full.Attached.VariancePerSample!.Value, Is.Zero);
            Assert.That(full.Attached.VariancePerBatch!.Value, Is.Zero);
            Assert.That(full.Detached, Is.Null, "nothing guides");
            Assert.That(full.NestedDepth, Is.EqualTo(Steps - 1));
            Assert.That(full.ActiveShareByStep, Is.All.EqualTo(1.0).Within(1e-12));
            Assert.That(full.Coverage!.Value, Is.EqualTo(1).Within(1e-12));
            Assert.That(full.ForwardsPerSample, Is.EqualTo(Steps));
            Assert.That(full.ProductsPerSample, Is.EqualTo(Steps));
        }
    }

    /// <summary>v = θ has no Jacobian in x, so the detached sum over all steps is full backpropagation.</summary>
    [TestCase(1)]
    [TestCase(0.25)]
    [TestCase(3)]
    public void Weights_that_are_scaled_scale_the_norm_and_nothing_else(double factor)
    {
        var scaled = Measured(ConstantWorld, new(3, 2, 2), ("scaled", new EulerPlanner(factor))).Single().Attached;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(scaled.NormRatio!.Value, Is.EqualTo(factor).Within(1e-5));
            Assert.That(scaled.Cosine!.Value, Is.EqualTo(1).Within(1e-9));
            Assert.That(scaled.MeanCosine!.Value, Is.EqualTo(1).Within(1e-9));
            Assert.That(scaled.VariancePerSample!.Value, Is.Zero);
        }
    }

    /// <summary>
    /// v = θ·x: x_N = Π(1 + h_i θ)·x_0. The full derivative is Σ_i h_i Π_{j≠i}(1 + h_j θ)·x_0, the detached one Σ_i h_i x_i.
    /// </summary>
    [Test]
    public void A_detached_sum_over_a_linear_field_lies_to_the_derivative_as_their_closed_forms_do()
    {
        var size = new DiagnosisSize(4, 2, 3);
        var found = Measured(LinearWorld, size, ("euler", new EulerPlanner(1))).Single().Attached;
        double[] h = [.. Enumerable.Range(0, Steps).Select(Schedule.StepSize)];
        List<double> cosines = [];
        List<double> ratios = [];
        for (var draw = 0; draw < size.Draws; draw++)
        {
            var start = Start(draw, size.BatchSize);
            double[] full = [.. Enumerable.Range(0, 3).Select(d => Direction[d] * start[d] * Full(Theta[d]))];
            double[] detached = [.. Enumerable.Range(0, 3).Select(d => Direction[d] * start[d] * Detached(Theta[d]))];
            cosines.Add(Dot(full, detached) / Math.Sqrt(Dot(full, full) * Dot(detached, detached)));
            ratios.Add(Math.Sqrt(Dot(detached, detached) / Dot(full, full)));
        }
        using (Assert.EnterMultipleScope())
        {
            Assert.That(cosines.Average(), Is.LessThan(0.999), "not the same direction");
            Assert.That(found.CosineByDraw, Is.EqualTo(cosines).Within(1e-5));
            Assert.That(found.Cosine!.Value, Is.EqualTo(cosines.Average()).Within(1e-5));
            Assert.That(found.NormRatio!.Value, Is.EqualTo(ratios.Average()).Within(1e-5));
            Assert.That(found.NormRatio.Ci95[0], Is.InRange(ratios.Min() - 1e-5, ratios.Average()));
            Assert.That(found.NormRatio.Ci95[1], Is.InRange(ratios.Average(), ratios.Max() + 1e-5));
        }

        double Full(double theta) =>
            h.Sum(step => step / (1 + step * theta))
            * h.Aggregate(1.0, (product, step) => product * (1 + step * theta));

        double Detached(double theta) =>
            Enumerable
                .Range(0, Steps)
                .Sum(i => h[i] * h[..i].Aggregate(1.0, (product, step) => product * (1 + step * theta)));
    }

    /// <summary>One of the steps, v = θ: a gradient is the mean of the drawn h_i, times what all have in common.</summary>
    [Test]
    public void The_variance_over_index_draws_is_that_of_what_was_drawn()
    {
        var size = new DiagnosisSize(3, 4, 3);
        var found = Measured(ConstantWorld, size, ("one", new OneStepPlanner())).Single().Attached;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(found.VariancePerSample!.Value, Is.EqualTo(Expected(b => b)).Within(1e-4).Percent);
            Assert.That(found.VariancePerBatch!.Value, Is.EqualTo(Expected(_ => 0)).Within(1e-4).Percent);
        }

        double Expected(Func<int, int> streamOf)
        {
            var (variances, squares) = (0.0, 0.0);
            for (var draw = 0; draw < size.Draws; draw++)
            {
                double[] drawn =
                [
                    .. Enumerable
                        .Range(0, size.IndexDraws)
                        .Select(index =>
                            Enumerable
                                .Range(0, size.BatchSize)
                                .Average(b =>
                                {
                                    var address = draw * size.IndexDraws + index;
                                    var stream = RandomStream.For(Seed, address, streamOf(b), RandomPurpose.Indices);
                                    return Schedule.StepSize(stream.NextInt(Steps));
                                })
                        ),
                ];
                var mean = drawn.Average();
                var variance = drawn.Sum(value => (value - mean) * (value - mean)) / (drawn.Length - 1);
                variances += variance;
                squares += mean * mean - variance / drawn.Length;
            }
            return variances / squares;
        }
    }

    [Test]
    public void The_variance_is_estimated_without_bias_and_a_shared_draw_has_as_many_times_more_as_there_are_samples()
    {
        const int batch = 4;
        var found = Measured(ConstantWorld, new(150, 2, batch), ("one", new OneStepPlanner())).Single().Attached;
        double[] h = [.. Enumerable.Range(0, Steps).Select(Schedule.StepSize)];
        var relative = h.Average(step => Math.Pow(step - h.Average(), 2)) / Math.Pow(h.Average(), 2);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(found.VariancePerBatch!.Value, Is.EqualTo(relative).Within(25).Percent);
            Assert.That(found.VariancePerSample!.Value, Is.EqualTo(relative / batch).Within(25).Percent);
            Assert.That(found.VariancePerSample.Ci95[0], Is.LessThan(relative / batch));
            Assert.That(found.VariancePerSample.Ci95[1], Is.GreaterThan(relative / batch));
        }
    }

    /// <summary>
    /// v = c·θ under guidance s: the reference has n + s·(c − n) for every c, a detached negative branch s·c.
    /// </summary>
    [TestCase(true)]
    [TestCase(false)]
    public void A_detached_negative_branch_is_compared_with_both_differentiated(bool byDetached)
    {
        const double scale = 3;
        const float conditional = 2;
        const float negative = 1;
        using var world = new FidelityWorld(
            (x_B, theta, conditioning) => torch.zeros_like(x_B) + theta * conditioning["c"],
            batch: 2,
            conditional,
            negative
        );
        var field = new GuidedVelocityField(world.Field, scale);
        var subject = world.Subject with
        {
            Detached = field,
            Attached = field.With(detachNegative: false),
            OrdersByDetached = byDetached,
        };
        var full = new FidelityMeasure(subject, [("full", new FullPlanner())], new(2, 2, 2))
            .Run(null, CancellationToken.None)
            .Single();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                full.Detached!.NormRatio!.Value,
                Is.EqualTo(scale * conditional / (negative + scale * (conditional - negative))).Within(1e-5)
            );
            Assert.That(full.Detached.Cosine!.Value, Is.EqualTo(1).Within(1e-9));
            Assert.That((full.Attached.Cosine!.Value, full.Attached.NormRatio!.Value), Is.EqualTo((1.0, 1.0)));
            Assert.That(full.Leading, Is.SameAs(byDetached ? full.Detached : full.Attached));
            Assert.That(full.Leading.VariancePerBatch, Is.Not.Null, "measured with one treatment");
        }
    }

    [Test]
    public void What_is_not_defined_is_left_open()
    {
        var methods = Measured(
            LinearWorld,
            new(2, 2, 1),
            ("nothing", new EulerPlanner(0)),
            ("leapalign", new LeapAlignPlanner(new())),
            ("refl", new ReFLPlanner(new(LastSteps: 2)))
        );
        var nothing = methods[^1];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(nothing.Method, Is.EqualTo("nothing"), "the least faithful");
            Assert.That(nothing.Attached.Cosine, Is.Null);
            Assert.That(nothing.Attached.CosineByDraw, Is.EqualTo(new double?[] { null, null }));
            Assert.That(nothing.Attached.NormRatio!.Value, Is.Zero);
            Assert.That(nothing.Attached.MeanCosine, Is.Null);
            Assert.That(nothing.Attached.VariancePerSample, Is.Null);
            Assert.That(nothing.Attached.ZeroGradients, Is.EqualTo(4));
        }
        var leaping = methods.Single(method => method.Method == "leapalign");
        var stopping = methods.Single(method => method.Method == "refl");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(leaping.SplitDeviation!.Value, Is.GreaterThan(0));
            Assert.That(leaping.ReconstructionError, Is.Null, "no replay");
            Assert.That(nothing.ReconstructionError, Is.Not.Null.And.LessThan(1e-6));
            Assert.That(nothing.EndDeviation, Is.Null, "no connector");
            Assert.That(stopping.SplitDeviation ?? stopping.EndDeviation, Is.Null);
            Assert.That(stopping.ForwardsPerSample, Is.InRange(Steps - 1, Steps), "a rollout that stops");
        }
    }

    [Test]
    public void A_reference_without_a_gradient_is_refused()
    {
        using var world = LinearWorld(1);
        var subject = world.Subject with { Hinge = new(Threshold: -1000) };
        Assert.That(
            () => new FidelityMeasure(subject, [("full", new FullPlanner())], new(2, 2, 1)).Run(null, default),
            Throws.InstanceOf<ConfigurationException>().With.Message.StartsWith("hinge_lambda: no sample of draw 0")
        );
    }

    [Test]
    public void It_stops_between_two_gradients()
    {
        using var world = LinearWorld(1);
        using var stop = new CancellationTokenSource();
        var measure = new FidelityMeasure(world.Subject, [("full", new FullPlanner())], new(3, 2, 1));
        List<int> heard = [];
        Assert.That(
            () =>
                measure.Run(
                    (draw, _) =>
                    {
                        heard.Add(draw);
                        stop.Cancel();
                    },
                    stop.Token
                ),
            Throws.InstanceOf<OperationCanceledException>()
        );
        Assert.That(heard, Is.EqualTo(new[] { 0 }));
    }

    [Test]
    public void No_tensor_is_left_to_the_collector()
    {
        using var world = LinearWorld(2);
        var measure = new FidelityMeasure(
            world.Subject,
            [("leapalign", new LeapAlignPlanner(new())), ("draft-lv", new DRaFTLVPlanner(new()))],
            new(2, 2, 2)
        );
        Assert.That(LeftTensors.By(() => measure.Run(null, default)), Is.Zero);
    }

    private static IReadOnlyList<MethodDiagnosis> Measured(
        Func<int, FidelityWorld> make,
        DiagnosisSize size,
        params (string, ISurrogatePlanner)[] planners
    )
    {
        using var world = make(size.BatchSize);
        return new FidelityMeasure(world.Subject, planners, size).Run(null, CancellationToken.None);
    }

    // The mean of x_0 over a draw's batch.
    private static double[] Start(int draw, int batch)
    {
        using var noise_B = Noise.Of([3], batch, Seed, draw);
        var values = TensorValues.Values(noise_B);
        return
        [
            .. Enumerable.Range(0, 3).Select(d => Enumerable.Range(0, batch).Average(b => (double)values[3 * b + d])),
        ];
    }

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();
}
