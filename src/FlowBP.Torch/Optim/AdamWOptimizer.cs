namespace FlowBP.Torch.Modules;

/// <summary>AdamW, step by step in tensor operations: the reference for the fused kernel.</summary>
public sealed class AdamW : IDisposable
{
    private readonly List<State> states;
    private readonly double beta1;
    private readonly double beta2;
    private readonly double eps;
    private readonly double weightDecay;
    private long steps;

    internal AdamW(
        IEnumerable<Parameter> parameters,
        double lr,
        double beta1,
        double beta2,
        double eps,
        double weightDecay
    )
    {
        LearningRate = lr;
        this.beta1 = beta1;
        this.beta2 = beta2;
        this.eps = eps;
        this.weightDecay = weightDecay;
        states = [.. parameters.Select(p => new State(p))];
    }

    /// <summary>The learning rate of the next step.</summary>
    public double LearningRate { get; set; }

    /// <summary>Drops all gradients.</summary>
    public void zero_grad(bool set_to_none = true)
    {
        foreach (State state in states)
        {
            if (set_to_none)
            {
                state.Parameter.grad = null;
            }
            else
            {
                using torch.Tensor? gradient = state.Parameter.grad;
                gradient?.zero_();
            }
        }
    }

    /// <summary>One update of every parameter that has a gradient.</summary>
    public void step()
    {
        using IDisposable mode = torch.no_grad();
        steps++;
        double correction1 = 1 - Math.Pow(beta1, steps);
        double correction2 = 1 - Math.Pow(beta2, steps);
        foreach (State state in states)
        {
            using DisposeScope scope = torch.NewDisposeScope();
            if (state.Parameter.grad is not { } gradient)
            {
                continue;
            }

            state.Parameter.mul_(1 - LearningRate * weightDecay);
            state.First.lerp_(gradient, 1 - beta1);
            state.Second.mul_(beta2).addcmul_(gradient, gradient, 1 - beta2);
            torch.Tensor denominator = (state.Second / correction2).sqrt_().add_(eps);
            state.Parameter.addcdiv_(state.First, denominator, -LearningRate / correction1);
        }
    }

    /// <summary>Disposes the moments.</summary>
    public void Dispose()
    {
        foreach (State state in states)
        {
            state.First.Dispose();
            state.Second.Dispose();
        }
    }

    private sealed class State(Parameter parameter)
    {
        public Parameter Parameter { get; } = parameter;

        public torch.Tensor First { get; } = torch.zeros_like(parameter.detach()).DetachFromDisposeScope();

        public torch.Tensor Second { get; } = torch.zeros_like(parameter.detach()).DetachFromDisposeScope();
    }
}
