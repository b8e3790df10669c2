namespace FlowBP.Torch.Modules;

// The layers: parameters with their shapes, and the functional that uses them. New parameters are zeros and ones: what a network starts from is decided where the network is created, from the project's own random numbers.

/// <summary>y = x·Wᵀ + b; weight [out, in], bias [out].</summary>
public sealed class Linear : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    internal Linear(long inputSize, long outputSize, bool hasBias, torch.Device? device, torch.ScalarType? dtype)
        : base(nameof(Linear))
    {
        in_features = inputSize;
        out_features = outputSize;
        weight = Parameter.Of(torch.zeros([outputSize, inputSize], dtype, device));
        register_parameter(nameof(weight), weight);
        if (hasBias)
        {
            bias = Parameter.Of(torch.zeros([outputSize], dtype, device));
            register_parameter(nameof(bias), bias);
        }
    }

    /// <summary>Width of the input.</summary>
    public long in_features { get; }

    /// <summary>Width of the output.</summary>
    public long out_features { get; }

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
    private readonly long[] dilation;
    private readonly PaddingModes paddingMode;
    private readonly long groups;

    internal Conv2d(
        long inChannels,
        long outChannels,
        (long, long) kernelSize,
        (long, long) stride,
        (long, long) padding,
        (long, long) dilation,
        PaddingModes paddingMode,
        long groups,
        bool hasBias,
        torch.Device? device,
        torch.ScalarType? dtype
    )
        : base(nameof(Conv2d))
    {
        strides = [stride.Item1, stride.Item2];
        this.padding = [padding.Item1, padding.Item2];
        this.dilation = [dilation.Item1, dilation.Item2];
        this.paddingMode = paddingMode;
        this.groups = groups;
        weight = Parameter.Of(
            torch.zeros([outChannels, inChannels / groups, kernelSize.Item1, kernelSize.Item2], dtype, device)
        );
        register_parameter(nameof(weight), weight);
        if (hasBias)
        {
            bias = Parameter.Of(torch.zeros([outChannels], dtype, device));
            register_parameter(nameof(bias), bias);
        }
    }

    /// <summary>[out, in/groups, kh, kw].</summary>
    public Parameter weight { get; }

    /// <summary>[out], or null.</summary>
    public Parameter? bias { get; }

    /// <inheritdoc/>
    public override torch.Tensor forward(torch.Tensor input)
    {
        if (paddingMode == PaddingModes.Zeros)
        {
            return torch.nn.functional.conv2d(input, weight, bias, strides, padding, dilation, groups);
        }

        long[] borders = [padding[1], padding[1], padding[0], padding[0]];
        using var padded = torch.nn.functional.pad(input, borders, paddingMode);
        return torch.nn.functional.conv2d(padded, weight, bias, strides, [0, 0], dilation, groups);
    }
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
            weight = Parameter.Of(torch.ones(normalizedShape, dtype, device));
            register_parameter(nameof(weight), weight);
            if (hasBias)
            {
                bias = Parameter.Of(torch.zeros(normalizedShape, dtype, device));
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
            weight = Parameter.Of(torch.ones([channels], dtype, device));
            bias = Parameter.Of(torch.zeros([channels], dtype, device));
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
    private readonly long? paddingIndex;

    internal Embedding(long rows, long width, long? paddingIndex, torch.Device? device, torch.ScalarType? dtype)
        : base(nameof(Embedding))
    {
        this.paddingIndex = paddingIndex;
        weight = Parameter.Of(torch.zeros([rows, width], dtype, device));
        register_parameter(nameof(weight), weight);
    }

    /// <summary>[rows, width].</summary>
    public Parameter weight { get; }

    /// <inheritdoc/>
    public override torch.Tensor forward(torch.Tensor input) =>
        torch.nn.functional.embedding(input, weight, paddingIndex);
}
