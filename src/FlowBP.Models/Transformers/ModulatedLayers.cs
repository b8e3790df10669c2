// Adaptive layer normalisation, and the MLPs that follow it, as all families have them. A norm has no weights of its own: the
// condition (time and prompt) says its shift and scale, and a gate on what the sub-block adds.
//
// Shapes: B batch, L tokens, D width, P parts.

namespace FlowBP.Models.Transformers;

/// <summary>A linear layer over the activated condition, whose outputs are the parts of a modulation.</summary>
internal sealed class AdaLayerNormZero : nn.Module
{
    private readonly Linear linear;
    private readonly int parts;

    public AdaLayerNormZero(int width, int parts, bool bias = true)
        : base(nameof(AdaLayerNormZero))
    {
        this.parts = parts;
        linear = nn.Linear(width, parts * width, hasBias: bias);
        RegisterComponents();
    }

    /// <summary>The parts side by side, [B, P·D].</summary>
    public T All<T>(INetworkOperations<T> ops, T condition_BD)
        where T : class => ops.Linear(linear, ops.Silu(condition_BD));

    /// <summary>The parts.</summary>
    public Modulation<T> Of<T>(INetworkOperations<T> ops, T condition_BD)
        where T : class => ops.Modulation(All(ops, condition_BD), parts);
}

/// <summary>Layer normalisation with scale and shift (in this order) from the condition.</summary>
internal sealed class AdaLayerNormContinuous : nn.Module
{
    private readonly Linear linear;
    private readonly double epsilon;

    public AdaLayerNormContinuous(int width, bool bias = true, double epsilon = 1e-6)
        : base(nameof(AdaLayerNormContinuous))
    {
        this.epsilon = epsilon;
        linear = nn.Linear(width, 2 * width, hasBias: bias);
        RegisterComponents();
    }

    /// <summary>The stream, normalised, scaled and shifted.</summary>
    public T Modulated<T>(INetworkOperations<T> ops, T x_BLD, T condition_BD)
        where T : class
    {
        var by = ops.Modulation(ops.Linear(linear, ops.Silu(condition_BD)), 2);
        return ops.Modulated(ops.Norm(x_BLD, epsilon), by, shift: 1, scale: 0);
    }
}

/// <summary>The MLP of a stream.</summary>
/// <param name="name">The kind, for messages.</param>
internal abstract class MultiLayerPerceptron(string name) : nn.Module(name)
{
    /// <summary>Applies it.</summary>
    public abstract T Apply<T>(INetworkOperations<T> ops, T x_BLD)
        where T : class;
}

/// <summary>Linear, tanh-GELU, linear; four times as wide inside.</summary>
internal sealed class FeedForward : MultiLayerPerceptron
{
    private readonly ModuleList<nn.Module> net;

    public FeedForward(int width)
        : base(nameof(FeedForward))
    {
        // The middle entry is dropout in training code; it holds the place so that the names count right.
        net = new ModuleList<nn.Module>(
            new GeluProjection(width, 4 * width),
            nn.Identity(),
            nn.Linear(4 * width, width)
        );
        RegisterComponents();
    }

    public override T Apply<T>(INetworkOperations<T> ops, T x_BLD) =>
        ops.Linear((Linear)net[2], ((GeluProjection)net[0]).Apply(ops, x_BLD));
}

internal sealed class GeluProjection : nn.Module
{
    private readonly Linear proj;

    public GeluProjection(int width, int hidden)
        : base(nameof(GeluProjection))
    {
        proj = nn.Linear(width, hidden);
        RegisterComponents();
    }

    public T Apply<T>(INetworkOperations<T> ops, T x_BLD)
        where T : class => ops.GeluTanh(ops.Linear(proj, x_BLD));
}

/// <summary>Linear, SwiGLU, linear, without biases.</summary>
internal sealed class GatedFeedForward : MultiLayerPerceptron
{
    private readonly Linear linear_in;
    private readonly Linear linear_out;

    public GatedFeedForward(int width, int hidden)
        : base(nameof(GatedFeedForward))
    {
        linear_in = nn.Linear(width, 2 * hidden, hasBias: false);
        linear_out = nn.Linear(hidden, width, hasBias: false);
        RegisterComponents();
    }

    public override T Apply<T>(INetworkOperations<T> ops, T x_BLD) =>
        ops.Linear(linear_out, ops.SwiGlu(ops.Linear(linear_in, x_BLD)));
}
