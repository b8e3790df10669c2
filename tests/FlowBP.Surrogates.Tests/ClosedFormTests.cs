// Fields whose rollout and gradients can be written down.
// Shape legend: B batch, D elements of a latent.

namespace FlowBP.Surrogates.Tests;

/// <summary>Constant, linear and rotational velocity fields.</summary>
public class ClosedFormTests
{
    private const int Steps = 6;
    private static readonly NoiseSchedule Schedule = NoiseSchedule.FlowMatchEuler(Steps);
    private static readonly double[] Start = [0.7, -1.3];
    private static readonly double[] Direction = [2, -0.5];

    private static IEnumerable<SurrogatePlan> Plans()
    {
        var refl = new ReFLPlanner(new());
        yield return refl.FromIndices(Schedule, 4);
        yield return new EndpointPlanner(refl).FromPlan(Schedule, refl.FromIndices(Schedule, 4));
        yield return new DRTunePlanner(new()).FromIndices(Schedule, 5, [1, 3, 5]);
        yield return new LeapAlignPlanner(new()).FromIndices(Schedule, 1, 4);
        yield return new SparsePlanner(new()).FromIndices(Schedule, [2, 5]);
        yield return new BridgePlanner(new() { GradRescale = 0.5 }).FromIndices(Schedule, 3, [0, 2], [3, 4]);
        yield return new LagrangePlanner(new() { GradRescale = 0.5 }).FromIndices(Schedule, 0, 3);
        yield return new FullPlanner().FromIndices(Schedule);
    }

    /// <summary>v = θ: no Jacobian in x, so every method's gradient is −(Σ weights)·w_b·a.</summary>
    [TestCaseSource(nameof(Plans))]
    public void A_constant_field_receives_the_sum_of_the_weights(SurrogatePlan plan)
    {
        using var theta = Leaf(0.3, -0.2);
        var (gradient, weight, _) = Run(plan, (x_B, _, _) => torch.zeros_like(x_B) + theta, theta);
        var sum = plan.ActiveSteps.Sum(step => step.Weight);
        // The hinge's derivative is −1 times the sample weight.
        Assert.That(gradient, Is.EqualTo(Direction.Select(a => -weight * sum * a)).Within(1e-12));
    }

    /// <summary>v = θ·x: x_N = Π(1 + h_i θ)·x_0, and its derivative is Σ h_i / (1 + h_i θ)·x_N.</summary>
    [Test]
    public void Full_backpropagation_through_a_linear_field_is_the_derivative_of_the_rollout()
    {
        const double theta = 0.8;
        using var parameter = Leaf(theta);
        var (gradient, _, end) = Run(
            new FullPlanner().FromIndices(Schedule),
            (x_B, _, _) => x_B * parameter,
            parameter
        );
        double[] h = [.. Enumerable.Range(0, Steps).Select(Schedule.StepSize)];
        var growth = h.Aggregate(1.0, (product, step) => product * (1 + (step * theta)));
        Assert.That(end, Is.EqualTo(Start.Select(x => growth * x)).Within(1e-12));
        var derivative = h.Sum(step => step / (1 + (step * theta)));
        Assert.That(gradient[0], Is.EqualTo(-derivative * Dot(Direction, end)).Within(1e-12));
    }

    /// <summary>v = θ·x, one bridge: steps before j carry (1 + α·γ·h_j·θ).</summary>
    [Test]
    public void A_bridge_in_a_linear_field_adds_exactly_one_jacobian()
    {
        const double theta = 0.8;
        const double alpha = 0.4;
        using var parameter = Leaf(theta);
        var plan = new BridgePlanner(new() { Alpha = alpha }).FromIndices(Schedule, 3, [1], [3, 5]);
        var (gradient, _, _) = Run(plan, (x_B, _, _) => x_B * parameter, parameter);
        double State(int i, double x) =>
            Enumerable.Range(0, i).Aggregate(x, (state, step) => state * (1 + (Schedule.StepSize(step) * theta)));
        double Term(int i) => Schedule.StepSize(i) * Start.Select((x, d) => State(i, x) * Direction[d]).Sum();
        var crossed = 1 + (alpha * Schedule.StepSize(3) * theta);
        Assert.That(gradient[0], Is.EqualTo(-(Term(5) + Term(3) + (crossed * Term(1)))).Within(1e-12));
    }

    /// <summary>v = θ·R x with R a quarter turn: complex numbers, x_N = Π(1 + i·h·θ)·x_0.</summary>
    [Test]
    public void Full_backpropagation_through_a_rotation_is_the_derivative_of_the_rollout()
    {
        const double theta = 1.7;
        using var parameter = Leaf(theta);
        using var turn = torch.tensor([0.0, 1.0, -1.0, 0.0], [2, 2]);
        var (gradient, _, end) = Run(
            new FullPlanner().FromIndices(Schedule),
            (x_B, _, _) => x_B.matmul(turn) * parameter,
            parameter
        );
        var i = System.Numerics.Complex.ImaginaryOne;
        var z = new System.Numerics.Complex(Start[0], Start[1]);
        var derivative = System.Numerics.Complex.Zero;
        for (var step = 0; step < Steps; step++)
        {
            var h = Schedule.StepSize(step);
            z *= 1 + (i * h * theta);
            derivative += i * h / (1 + (i * h * theta));
        }
        var dz = derivative * z;
        Assert.That(end, Is.EqualTo(new[] { z.Real, z.Imaginary }).Within(1e-12));
        Assert.That(gradient[0], Is.EqualTo(-Dot(Direction, [dz.Real, dz.Imaginary])).Within(1e-12));
    }

    /// <summary>v = 2σ·θ is integrated exactly by two supports: the prediction is x_start + θ·(σ_b² − σ_a²).</summary>
    [Test]
    public void A_lagrange_leap_predicts_a_field_that_is_a_polynomial_in_sigma_without_error()
    {
        using var scope = torch.NewDisposeScope();
        var schedule = NoiseSchedule.FlowMatchEuler(200);
        var plan = new LagrangePlanner(new() { Order = 2 }).FromIndices(schedule, 20, 90);
        var field = new AutogradVelocityField((x_B, sigma_B, _) => torch.ones_like(x_B) * sigma_B.unsqueeze(1) * 2);
        var (executor, inputs) = Executor(schedule, plan, field);
        using var rollout = executor.Rollout(inputs);
        var predicted = TensorValues.Numbers(new LeapMeasure(new CpuLatentKernels()).Predict(inputs.Plan, rollout, 0));
        var from = TensorValues.Numbers(rollout.X_TB[20]);
        var exact = Math.Pow(schedule.Sigmas[90], 2) - Math.Pow(schedule.Sigmas[20], 2);
        Assert.That(predicted, Is.EqualTo(from.Select(x => x + exact)).Within(1e-12));
        // Euler's own error, which the deviation measures, is Σ h².
        var euler = Enumerable.Range(20, 70).Sum(i => schedule.StepSize(i) * schedule.StepSize(i));
        Assert.That(executor.Weigh(inputs, rollout).SplitDeviation, Is.All.EqualTo(euler).Within(1e-12));
    }

    private static Tensor Leaf(params double[] values) => torch.tensor(values).requires_grad_(true);

    private static double Dot(IEnumerable<double> a, IEnumerable<double> b) =>
        a.Zip(b).Sum(pair => pair.First * pair.Second);

    private static (SurrogateExecutor Executor, SurrogateBatch Inputs) Executor(
        NoiseSchedule schedule,
        SurrogatePlan plan,
        IVelocityField field
    )
    {
        var conditioning = new Conditioning("c", torch.zeros([1, 1], ScalarType.Float64));
        var inputs = new SurrogateBatch
        {
            Plan = BatchPlan.Shared(plan, 1),
            Noise_B = torch.tensor(Start, [1, 2]),
            Conditioning = conditioning,
            RewardConditioning = conditioning,
        };
        return (new(field, schedule, new CpuLatentKernels(), new() { Storage = ScalarType.Float64 }), inputs);
    }

    private static (double[] Gradient, double Weight, double[] End) Run(
        SurrogatePlan plan,
        Func<Tensor, Tensor, Conditioning, Tensor> field,
        Tensor parameter
    )
    {
        using var scope = torch.NewDisposeScope();
        var (executor, inputs) = Executor(Schedule, plan, new AutogradVelocityField(field));
        using var rollout = executor.Rollout(inputs);
        var weights = executor.Weigh(inputs, rollout);
        var reward = new LinearReward(torch.tensor(Direction));
        using var gradient = executor.RewardGradient(inputs, rollout, weights, reward, new(Threshold: 100));
        executor.AccumulateGradients(inputs, rollout, gradient);
        var end = TensorValues.Numbers(rollout.X_TB.select(0, rollout.Steps));
        return (TensorValues.Numbers(parameter.grad!), weights.Weights[0], end);
    }
}
