using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

/// <summary>A number that an operator takes as a scalar: an integer, a real or a truth value, kept as what it is.</summary>
public readonly struct Scalar
{
    private readonly Argument argument;

    private Scalar(Argument argument) => this.argument = argument;

    /// <summary>An integer scalar.</summary>
    public static implicit operator Scalar(int value) => new((long)value);

    /// <summary>An integer scalar.</summary>
    public static implicit operator Scalar(long value) => new(value);

    /// <summary>A real scalar.</summary>
    public static implicit operator Scalar(float value) => new((double)value);

    /// <summary>A real scalar.</summary>
    public static implicit operator Scalar(double value) => new(value);

    internal Argument ToArgument() => argument;
}
