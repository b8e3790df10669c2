namespace FlowBP.Torch.Modules;

/// <summary>AdamW, step by step in tensor operations: the reference for the fused kernel.</summary>
public sealed class AdamW : IDisposable, torch.optim.ILearningRateController
{
    private readonly List<State> states;
    private readonly double beta1;
    private readonly double beta2;
    private readonly double eps;
    private readonly double weightDecay;
    private readonly bool amsgrad;
    private readonly bool maximize;

    internal AdamW(
        IEnumerable<Parameter> parameters,
        double lr,
        double beta1,
        double beta2,
        double eps,
        double weightDecay,
        bool amsgrad,
        bool maximize
    )
    {
        Require(lr >= 0, nameof(lr), lr, "at least 0");
        Require(beta1 is >= 0 and < 1, nameof(beta1), beta1, "in [0, 1)");
        Require(beta2 is >= 0 and < 1, nameof(beta2), beta2, "in [0, 1)");
        Require(eps >= 0, nameof(eps), eps, "at least 0");
        Require(weightDecay >= 0, "weight_decay", weightDecay, "at least 0");
        LearningRate = lr;
        InitialLearningRate = lr;
        this.beta1 = beta1;
        this.beta2 = beta2;
        this.eps = eps;
        this.weightDecay = weightDecay;
        this.amsgrad = amsgrad;
        this.maximize = maximize;
        states = [.. parameters.Select(p => new State(p, amsgrad))];
    }

    /// <inheritdoc/>
    public double LearningRate { get; set; }

    /// <inheritdoc/>
    public double InitialLearningRate { get; set; }

    /// <summary>Drops all gradients.</summary>
    public void zero_grad(bool set_to_none = true)
    {
        foreach (var state in states)
        {
            if (set_to_none)
            {
                state.Parameter.grad = null;
            }
            else
            {
                using var gradient = state.Parameter.grad;
                gradient?.zero_();
            }
        }
    }

    /// <summary>
    /// One update of every parameter that has a gradient. Steps are counted for each parameter by itself, as its
    /// moments are.
    /// </summary>
    /// <param name="closure">Computes the loss and the gradients first, if given; its result is returned.</param>
    public torch.Tensor? step(Func<torch.Tensor>? closure = null)
    {
        torch.Tensor? loss = null;
        if (closure is not null)
        {
            using var recording = torch.enable_grad();
            loss = closure();
        }

        using var mode = torch.no_grad();
        foreach (var state in states)
        {
            using var scope = torch.NewDisposeScope();
            if (state.Parameter.grad is { } gradient)
            {
                Update(state, maximize ? gradient.neg() : gradient);
            }
        }

        return loss;
    }

    /// <summary>Disposes the moments.</summary>
    public void Dispose()
    {
        foreach (var state in states)
        {
            state.First.Dispose();
            state.Second.Dispose();
            state.Largest?.Dispose();
        }
    }

    // Loshchilov and Hutter 2019, algorithm 2; the bias corrections go to the step size and the denominator.
    private void Update(State state, torch.Tensor gradient)
    {
        state.Steps++;
        var correction1 = 1 - Math.Pow(beta1, state.Steps);
        var correction2 = 1 - Math.Pow(beta2, state.Steps);
        state.Parameter.mul_(1 - (LearningRate * weightDecay));
        state.First.lerp_(gradient, 1 - beta1);
        state.Second.mul_(beta2).addcmul_(gradient, gradient, 1 - beta2);
        var second = state.Second;
        if (state.Largest is { } largest)
        {
            second = largest.copy_(largest.maximum(state.Second));
        }

        var denominator = second.sqrt().div_(Math.Sqrt(correction2)).add_(eps);
        state.Parameter.addcdiv_(state.First, denominator, -LearningRate / correction1);
    }

    private static void Require(bool holds, string name, double value, string range)
    {
        if (!holds)
        {
            throw new ArgumentException($"AdamW: {name} is {value}, expected {range}", name);
        }
    }

    private sealed class State(Parameter parameter, bool amsgrad)
    {
        public Parameter Parameter { get; } = parameter;

        public long Steps { get; set; }

        public torch.Tensor First { get; } = torch.zeros_like(parameter).DetachFromDisposeScope();

        public torch.Tensor Second { get; } = torch.zeros_like(parameter).DetachFromDisposeScope();

        public torch.Tensor? Largest { get; } = amsgrad ? torch.zeros_like(parameter).DetachFromDisposeScope() : null;
    }
}
