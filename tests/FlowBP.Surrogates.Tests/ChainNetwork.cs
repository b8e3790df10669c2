// A network with everything that a blockwise pullback has to get right: two streams of which one ends half way, a vector that all
// blocks and the head share, a constant, and activations that outweigh what travels between the blocks.
// Shape legend: B batch, L tokens, D width, H hidden width, E elements of a latent.

using FlowBP.RandomStreams;

namespace FlowBP.Surrogates.Tests;

/// <summary>A chain of residual blocks on tokens; counts how often a block is run.</summary>
internal sealed class ChainNetwork : IBlockwiseNetwork, IDisposable
{
    public const string ConditioningName = "c";
    public const int ConditioningWidth = 5;
    private readonly int hidden;
    private readonly int width;
    private readonly Tensor[] embed;
    private readonly Tensor[] head;
    private readonly Tensor constant_D;
    private int blockRuns;

    public ChainNetwork(int blocks, int width, int hidden, ScalarType type, int seed = 1)
    {
        this.width = width;
        this.hidden = hidden;
        var source = RandomStream.For((ulong)seed, 0, 0, RandomPurpose.Weights);
        Tensor Random(double scale, params long[] shape)
        {
            var values = new double[shape.Aggregate(1L, (product, size) => product * size)];
            source.FillNormal(values);
            return torch.tensor([.. values.Select(value => value * scale)], shape).to(type).requires_grad_();
        }
        embed = [Random(1, 1, width), Random(0.4, ConditioningWidth, width), Random(0.4, ConditioningWidth, width)];
        Blocks =
        [
            .. Enumerable
                .Range(0, blocks)
                .Select(block =>
                {
                    Tensor[] parameters =
                    [
                        Random(0.4, width, hidden),
                        Random(0.4, width, hidden),
                        Random(0.3, hidden, width),
                        Random(0.5, width),
                    ];
                    return new NetworkBlock(streams => Block(block, parameters, (ChainStreams)streams), parameters);
                }),
        ];
        head = [Random(0.5, width, 1)];
        using var noGrad = torch.no_grad();
        constant_D = torch.linspace(0.5, 1.5, width).to(type);
    }

    public IReadOnlyList<NetworkBlock> Blocks { get; }

    public IReadOnlyList<Tensor> EmbedParameters => embed;

    public IReadOnlyList<Tensor> HeadParameters => head;

    public int BlockRuns => blockRuns;

    public IReadOnlyList<Tensor> Parameters => [.. embed, .. Blocks.SelectMany(block => block.Parameters), .. head];

    /// <summary>Where the second stream joins the first.</summary>
    private int Join => Blocks.Count / 2;

    public BlockStreams Embed(Tensor x_B, Tensor sigma_B, Conditioning conditioning)
    {
        using var scope = torch.NewDisposeScope();
        var condition = conditioning[ConditioningName];
        var tokens_BLD = x_B.to(condition.dtype).flatten(1).unsqueeze(2).matmul(embed[0]);
        var context_BD = condition.matmul(embed[1]);
        var shared_BD = (condition.matmul(embed[2]) + sigma_B.to(condition.dtype).unsqueeze(1)).tanh();
        return new ChainStreams(
            [tokens_BLD.MoveToOuterDisposeScope(), context_BD.MoveToOuterDisposeScope()],
            [shared_BD.MoveToOuterDisposeScope()],
            constant_D
        );
    }

    private IReadOnlyList<Tensor> Block(int block, Tensor[] p, ChainStreams streams)
    {
        Interlocked.Increment(ref blockRuns);
        using var scope = torch.NewDisposeScope();
        var gate_B1D = (streams.Shared[0] * p[3]).unsqueeze(1);
        var tokens_BLD = streams.Moving[0];
        if (block < Join)
        {
            var context_BD = streams.Moving[1];
            tokens_BLD = Residual(tokens_BLD + context_BD.unsqueeze(1), p, gate_B1D, streams.Constant_D);
            var next_BD = context_BD + tokens_BLD.mean([1]) * streams.Shared[0];
            return block == Join - 1
                ? [(tokens_BLD + next_BD.unsqueeze(1)).MoveToOuterDisposeScope()]
                : [tokens_BLD.MoveToOuterDisposeScope(), next_BD.MoveToOuterDisposeScope()];
        }
        return [Residual(tokens_BLD, p, gate_B1D, streams.Constant_D).MoveToOuterDisposeScope()];
    }

    public Tensor Head(BlockStreams streams, IReadOnlyList<long> latentShape)
    {
        using var scope = torch.NewDisposeScope();
        return (streams.Moving[0] * (streams.Shared[0].unsqueeze(1) + 1))
            .matmul(head[0])
            .reshape([.. latentShape])
            .MoveToOuterDisposeScope();
    }

    /// <summary>The whole forward as one function, for plain autograd.</summary>
    public Tensor Forward(Tensor x_B, Tensor sigma_B, Conditioning conditioning)
    {
        using var scope = torch.NewDisposeScope();
        var streams = Embed(x_B, sigma_B, conditioning);
        foreach (var block in Blocks)
        {
            streams = streams with { Moving = block.Apply(streams) };
        }
        return Head(streams, x_B.shape).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        foreach (var parameter in Parameters)
        {
            parameter.Dispose();
        }
        constant_D.Dispose();
    }

    public override string ToString() => $"{Blocks.Count} blocks of {width} and {hidden}";

    private static Tensor Residual(Tensor x_BLD, Tensor[] p, Tensor gate_B1D, Tensor constant_D) =>
        x_BLD + (x_BLD.matmul(p[0]).tanh() * (x_BLD * constant_D).matmul(p[1]).sigmoid()).matmul(p[2]) * gate_B1D * 0.3;

    private sealed record ChainStreams(IReadOnlyList<Tensor> Moving, IReadOnlyList<Tensor> Shared, Tensor Constant_D)
        : BlockStreams(Moving, Shared);
}

/// <summary>A chain, a batch for it, and a linear reward.</summary>
internal sealed class ChainWorld : IDisposable
{
    public ChainWorld(
        int blocks = 6,
        int batch = 4,
        int elements = 12,
        int width = 6,
        int hidden = 10,
        ScalarType type = ScalarType.Float32,
        int steps = 8,
        bool guided = false
    )
    {
        Network = new(blocks, width, hidden, type);
        Schedule = NoiseSchedule.FlowMatchEuler(steps);
        var source = RandomStream.For(2, 0, 0, RandomPurpose.Weights);
        Tensor Random(params long[] shape)
        {
            var values = new double[shape.Aggregate(1L, (product, size) => product * size)];
            source.FillNormal(values);
            return torch.tensor(values, shape).to(type);
        }
        Noise = Random(batch, elements);
        Cotangent = Random(batch, elements);
        Sigma = torch.linspace(0.2, 0.9, batch).to(type);
        Conditioning = new(
            ChainNetwork.ConditioningName,
            Random(batch, ChainNetwork.ConditioningWidth),
            guided ? new(ChainNetwork.ConditioningName, Random(batch, ChainNetwork.ConditioningWidth)) : null
        );
        Direction = Random(elements);
        Renoise = Random(2, batch, elements);
        Type = type;
    }

    public ScalarType Type { get; }
    public ChainNetwork Network { get; }
    public NoiseSchedule Schedule { get; }
    public Tensor Noise { get; }
    public Tensor Renoise { get; }
    public Tensor Cotangent { get; }
    public Tensor Sigma { get; }
    public Tensor Direction { get; }
    public Conditioning Conditioning { get; }

    public AutogradVelocityField Autograd => new(Network.Forward);

    /// <summary>Gradients of all parameters (null where there is none), then of the input.</summary>
    public (double[]?[] Parameters, double[] Input) Pull(IVelocityField field)
    {
        ClearGradients();
        using var input = field.Vjp(Noise, Sigma, Conditioning, Cotangent, wantInputGradient: true);
        return (
            [.. Network.Parameters.Select(parameter => parameter.grad is { } grad ? TensorValues.Numbers(grad) : null)],
            TensorValues.Numbers(input!)
        );
    }

    /// <summary>The gradient of every parameter by the executor, the bytes that its rollout kept, and the scores.</summary>
    public (double[] Gradient, long KeptBytes, double[] Scores) Gradient(
        IVelocityField field,
        BatchPlan plan,
        ExecutorOptions options,
        HingeLoss? hinge = null
    )
    {
        ClearGradients();
        var inputs = new SurrogateBatch
        {
            Plan = plan,
            Noise_B = Noise,
            Conditioning = Conditioning,
            RewardConditioning = Conditioning,
            Renoise_NB = Renoise,
        };
        var executor = new SurrogateExecutor(field, Schedule, new CpuLatentKernels(), options with { Storage = Type });
        using var rollout = executor.Rollout(inputs);
        var weights = executor.Weigh(inputs, rollout);
        using var gradient = executor.RewardGradient(
            inputs,
            rollout,
            weights,
            new LinearReward(Direction),
            hinge ?? new(Threshold: 1000)
        );
        executor.AccumulateGradients(inputs, rollout, gradient);
        return (
            [.. Network.Parameters.SelectMany(parameter => TensorValues.Numbers(parameter.grad!))],
            rollout.KeptBytes,
            gradient.Scores
        );
    }

    public void ClearGradients()
    {
        foreach (var parameter in Network.Parameters)
        {
            parameter.grad = null;
        }
    }

    public void Dispose()
    {
        Network.Dispose();
        Noise.Dispose();
        Renoise.Dispose();
        Cotangent.Dispose();
        Sigma.Dispose();
        Direction.Dispose();
        Conditioning.Dispose();
    }
}
