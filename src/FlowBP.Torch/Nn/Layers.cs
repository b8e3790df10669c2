namespace FlowBP.Torch.Modules;

// The layers: parameters with their shapes, and the functional that uses them. New parameters are uninitialised zeros
// and ones: what a network starts from is decided where the network is created, from the project's own random numbers.

/// <summary>y = x·Wᵀ + b; weight [out, in], bias [out].</summary>
public sealed class Linear : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    internal Linear(long inputSize, long outputSize, bool hasBias, torch.Device? device, torch.ScalarType? dtype)
        : base(nameof(Linear))
    {
        weight = new Parameter(torch.zeros([outputSize, inputSize], dtype, device));
        register_parameter(nameof(weight), weight);
        if (hasBias)
        {
            bias = new Parameter(torch.zeros([outputSize], dtype, device));
            register_parameter(nameof(bias), bias);
        }
    }

    /// <summary>[out, in].</summary>
    public Parameter weight { get; }

    /// <summary>[out], or null.</summary>
    public Parameter? bias { get; }

    /// <inheritdoc/>
    public override torch.Tensor forward(torch.Tensor input) => torch.nn.functional.linear(input, weight, bias);
}

/// <summary>Two-dimensional convolution; weight [out, in/groups, kh, kw], bias [out].</summary>
public sealed class Conv2d : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    private readonly long[] strides;
    private readonly long[] padding;
    private readonly long groups;

    internal Conv2d(
        long inChannels,
        long outChannels,
        (long, long) kernelSize,
        (long, long) stride,
        (long, long) padding,
        long groups,
        bool hasBias,
        torch.Device? device,
        torch.ScalarType? dtype
    )
        : base(nameof(Conv2d))
    {
        strides = [stride.Item1, stride.Item2];
        this.padding = [padding.Item1, padding.Item2];
        this.groups = groups;
        weight = new Parameter(
            torch.zeros([outChannels, inChannels / groups, kernelSize.Item1, kernelSize.Item2], dtype, device)
        );
        register_parameter(nameof(weight), weight);
        if (hasBias)
        {
            bias = new Parameter(torch.zeros([outChannels], dtype, device));
            register_parameter(nameof(bias), bias);
        }
    }

    /// <summary>[out, in/groups, kh, kw].</summary>
    public Parameter weight { get; }

    /// <summary>[out], or null.</summary>
    public Parameter? bias { get; }

    /// <inheritdoc/>
    public override torch.Tensor forward(torch.Tensor input) =>
        torch.nn.functional.conv2d(input, weight, bias, strides, padding, groups: groups);
}

/// <summary>Normalises over the last axes; weight and bias of their shape where affine.</summary>
public sealed class LayerNorm : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    private readonly long[] normalizedShape;
    private readonly double eps;

    internal LayerNorm(
        long[] normalizedShape,
        double eps,
        bool elementwiseAffine,
        bool hasBias,
        torch.Device? device,
        torch.ScalarType? dtype
    )
        : base(nameof(LayerNorm))
    {
        this.normalizedShape = normalizedShape;
        this.eps = eps;
        if (elementwiseAffine)
        {
            weight = new Parameter(torch.ones(normalizedShape, dtype, device));
            register_parameter(nameof(weight), weight);
            if (hasBias)
            {
                bias = new Parameter(torch.zeros(normalizedShape, dtype, device));
                register_parameter(nameof(bias), bias);
            }
        }
    }

    /// <summary>The scale, or null.</summary>
    public Parameter? weight { get; }

    /// <summary>The shift, or null.</summary>
    public Parameter? bias { get; }

    /// <inheritdoc/>
    public override torch.Tensor forward(torch.Tensor tensor) =>
        torch.nn.functional.layer_norm(tensor, normalizedShape, weight, bias, eps);
}

/// <summary>Normalises each group of channels; weight and bias [channels].</summary>
public sealed class GroupNorm : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    private readonly long groups;
    private readonly double eps;

    internal GroupNorm(
        long groups,
        long channels,
        double eps,
        bool affine,
        torch.Device? device,
        torch.ScalarType? dtype
    )
        : base(nameof(GroupNorm))
    {
        this.groups = groups;
        this.eps = eps;
        if (affine)
        {
            weight = new Parameter(torch.ones([channels], dtype, device));
            bias = new Parameter(torch.zeros([channels], dtype, device));
            register_parameter(nameof(weight), weight);
            register_parameter(nameof(bias), bias);
        }
    }

    /// <summary>The scale, or null.</summary>
    public Parameter? weight { get; }

    /// <summary>The shift, or null.</summary>
    public Parameter? bias { get; }

    /// <inheritdoc/>
    public override torch.Tensor forward(torch.Tensor tensor) =>
        torch.nn.functional.group_norm(tensor, groups, weight, bias, eps);
}

/// <summary>Rows of a table by index; weight [rows, width].</summary>
public sealed class Embedding : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    internal Embedding(long rows, long width, torch.Device? device, torch.ScalarType? dtype)
        : base(nameof(Embedding))
    {
        weight = new Parameter(torch.zeros([rows, width], dtype, device));
        register_parameter(nameof(weight), weight);
    }

    /// <summary>[rows, width].</summary>
    public Parameter weight { get; }

    /// <inheritdoc/>
    public override torch.Tensor forward(torch.Tensor input) => torch.nn.functional.embedding(input, weight);
}

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

/// <summary>max(0, x).</summary>
public sealed class ReLU : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    internal ReLU()
        : base(nameof(ReLU)) { }

    /// <inheritdoc/>
    public override torch.Tensor forward(torch.Tensor tensor) => tensor.relu();
}

/// <summary>Its input.</summary>
public sealed class Identity : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    internal Identity()
        : base(nameof(Identity)) { }

    /// <inheritdoc/>
    public override torch.Tensor forward(torch.Tensor tensor) => tensor.alias();
}
