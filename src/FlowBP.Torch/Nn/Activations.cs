namespace FlowBP.Torch.Modules;

// Layers without parameters.

/// <summary>x·sigmoid(x).</summary>
public sealed class SiLU : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    internal SiLU()
        : base(nameof(SiLU)) { }

    /// <inheritdoc/>
    public override torch.Tensor forward(torch.Tensor tensor) => torch.nn.functional.silu(tensor);
}

/// <summary>x·Φ(x).</summary>
public sealed class GELU : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    private readonly Approximate approximate;

    internal GELU(Approximate approximate)
        : base(nameof(GELU)) => this.approximate = approximate;

    /// <summary>Whether Φ is exact or approximated.</summary>
    public enum Approximate
    {
        /// <summary>Exact.</summary>
        none,

        /// <summary>By a hyperbolic tangent.</summary>
        tanh,
    }

    /// <inheritdoc/>
    public override torch.Tensor forward(torch.Tensor tensor) => torch.nn.functional.gelu(tensor, approximate);
}

/// <summary>Zeros with probability p and the rest divided by 1 − p in training mode, its input otherwise.</summary>
public sealed class Dropout : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    internal Dropout(double p)
        : base(nameof(Dropout)) => this.p = p;

    /// <summary>The probability of a zero.</summary>
    public double p { get; }

    /// <inheritdoc/>
    public override torch.Tensor forward(torch.Tensor input) => torch.nn.functional.dropout(input, p, training);
}

/// <summary>Its input.</summary>
public sealed class Identity : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    internal Identity()
        : base(nameof(Identity)) { }

    /// <inheritdoc/>
    public override torch.Tensor forward(torch.Tensor tensor) => tensor.alias();
}
