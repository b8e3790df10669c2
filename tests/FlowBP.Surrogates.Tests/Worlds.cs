// Small worlds to run surrogates in: a network with random weights, closed-form rewards, and counters.
// Shape legend: B batch, D elements of a latent, R rows.

using FlowBP.RandomStreams;
using FlowBP.Verification.Methods;

namespace FlowBP.Surrogates.Tests;

/// <summary>A tiny guided network, a reward and a batch, the same for the same seed.</summary>
internal sealed class World : IDisposable
{
    public const int Conditions = 5;
    private const int Hidden = 24;

    public World(int batch = 3, int steps = 8, ScalarType type = ScalarType.Float64, bool guided = false, int seed = 1)
    {
        Type = type;
        Batch = batch;
        Source = RandomStream.For((ulong)seed, 0, 0, RandomPurpose.Weights);
        Schedule = NoiseSchedule.FlowMatchEuler(steps);
        const int elements = 2 * 4 * 4;
        Network = new(
            new Dictionary<string, Tensor>
            {
                ["W1"] = Random([Hidden, elements], 0.3).requires_grad_(true),
                ["b1"] = Random([Hidden], 0.3).requires_grad_(true),
                ["u"] = Random([Hidden], 1).requires_grad_(true),
                ["C"] = Random([Hidden, Conditions], 0.5).requires_grad_(true),
                ["W2"] = Random([elements, Hidden], 0.5).requires_grad_(true),
                ["b2"] = Random([elements], 0.3).requires_grad_(true),
            }
        );
        Noise = Random([batch, 2, 4, 4], 1);
        Renoise = Random([4, batch, 2, 4, 4], 1);
        Conditioning = new(
            TinyNetwork.ConditioningName,
            Random([batch, Conditions], 1),
            guided ? new(TinyNetwork.ConditioningName, Random([batch, Conditions], 1)) : null
        );
        Reward = new TinyReward(Random([8, elements], 0.5), 0.05);
    }

    public ScalarType Type { get; }
    public int Batch { get; }
    public RandomStream Source { get; }
    public NoiseSchedule Schedule { get; }
    public TinyNetwork Network { get; }
    public Tensor Noise { get; }
    public Tensor Renoise { get; }
    public Conditioning Conditioning { get; }
    public IReward Reward { get; }
    public HingeLoss Hinge { get; init; } = new(Threshold: 10);
    public ExecutorOptions Options { get; init; } = new();

    public SurrogateBatch Inputs(BatchPlan plan) =>
        new()
        {
            Plan = plan,
            Noise_B = Noise,
            Conditioning = Conditioning,
            RewardConditioning = Conditioning,
            Renoise_NB = Renoise,
        };

    public SurrogateBatch Inputs(SurrogatePlan plan) => Inputs(BatchPlan.Shared(plan, Batch));

    public SurrogateExecutor Executor(IVelocityField? field = null) =>
        new(
            field ?? new AutogradVelocityField(Network.Forward),
            Schedule,
            new CpuLatentKernels(),
            Options with
            {
                Storage = Type,
            }
        );

    /// <summary>The gradient of every parameter, one after the other, by the executor.</summary>
    public double[] Gradient(SurrogateBatch inputs, IVelocityField? field = null)
    {
        ClearGradients();
        var executor = Executor(field);
        using var rollout = executor.Rollout(inputs);
        var weights = executor.Weigh(inputs, rollout);
        using var gradient = executor.RewardGradient(inputs, rollout, weights, Reward, Hinge);
        executor.AccumulateGradients(inputs, rollout, gradient);
        return Gradients();
    }

    public double[] Gradient(SurrogatePlan plan, IVelocityField? field = null) => Gradient(Inputs(plan), field);

    /// <summary>The same by autograd over the whole surrogate graph.</summary>
    public double[] ReferenceGradient(SurrogatePlan plan, Func<Tensor, Tensor, Conditioning, Tensor>? forward = null)
    {
        ClearGradients();
        var inputs = Inputs(plan);
        var executor = Executor();
        using var rollout = executor.Rollout(inputs);
        var weights = executor.Weigh(inputs, rollout);
        new ReferenceSurrogate(forward ?? Network.Forward, Schedule).Backward(inputs, rollout, weights, Reward, Hinge);
        return Gradients();
    }

    public void ClearGradients()
    {
        foreach (var parameter in Network.Parameters.Values)
        {
            parameter.grad = null;
        }
    }

    public double[] Gradients() =>
        [
            .. Network.Parameters.Values.SelectMany(parameter =>
                parameter.grad is { } grad ? Numbers(grad) : new double[parameter.numel()]
            ),
        ];

    public Tensor Random(long[] shape, double scale)
    {
        var values = new double[shape.Aggregate(1L, (product, size) => product * size)];
        Source.FillNormal(values);
        return torch.tensor([.. values.Select(value => value * scale)], shape).to(Type);
    }

    public void Dispose()
    {
        Conditioning.Dispose();
        Noise.Dispose();
        Renoise.Dispose();
        foreach (var parameter in Network.Parameters.Values)
        {
            parameter.Dispose();
        }
    }
}

/// <summary>Counts what a field is asked for.</summary>
internal sealed class CountingField(IVelocityField inner) : IVelocityField
{
    public List<int> EvaluatedBatches { get; } = [];
    public List<int> PulledBatches { get; } = [];
    public List<double> PulledTimes { get; } = [];

    public Tensor Evaluate(Tensor x_B, Tensor sigma_B, Conditioning conditioning, ForwardTrace? trace = null)
    {
        EvaluatedBatches.Add((int)x_B.size(0));
        return inner.Evaluate(x_B, sigma_B, conditioning);
    }

    public Tensor? Vjp(
        Tensor x_B,
        Tensor sigma_B,
        Conditioning conditioning,
        Tensor cotangent_B,
        bool wantInputGradient,
        KeptForward? kept = null,
        IParameterGradients? gradients = null
    )
    {
        PulledBatches.Add((int)x_B.size(0));
        PulledTimes.AddRange(TensorValues.Numbers(sigma_B));
        return inner.Vjp(x_B, sigma_B, conditioning, cotangent_B, wantInputGradient);
    }
}

/// <summary><c>r = a·x</c>: its gradient is a, whatever x is.</summary>
internal sealed class LinearReward(Tensor a_D) : IReward
{
    public Tensor Score(Tensor latents_R, Conditioning conditioning) => latents_R.flatten(1).matmul(a_D);
}
