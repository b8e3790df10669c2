namespace FlowBP.Torch.Interop;

/// <summary>
/// One argument of an operator call. It keeps a reference to what it names (a tensor, a list) until the call has
/// returned, so that the garbage collector cannot free a tensor that libtorch is reading.
/// </summary>
internal readonly struct Argument
{
    public readonly NativeTag Tag;
    public readonly int Length;
    public readonly long Bits;
    public readonly object? Owner;

    private Argument(NativeTag tag, long bits, object? owner = null, int length = 0)
    {
        Tag = tag;
        Bits = bits;
        Owner = owner;
        Length = length;
    }

    public static Argument None => default;

    public static implicit operator Argument(torch.Tensor? value) => new(NativeTag.Tensor, 0, value);

    public static implicit operator Argument(long value) => new(NativeTag.Int, value);

    public static implicit operator Argument(long? value) => value is { } v ? new(NativeTag.Int, v) : None;

    public static implicit operator Argument(double value) =>
        new(NativeTag.Double, BitConverter.DoubleToInt64Bits(value));

    public static implicit operator Argument(bool value) => new(NativeTag.Bool, value ? 1 : 0);

    public static implicit operator Argument(torch.ScalarType value) => new(NativeTag.Int, (long)value);

    public static implicit operator Argument(torch.ScalarType? value) => value is { } v ? v : None;

    public static implicit operator Argument(Scalar value) => value.ToArgument();

    public static implicit operator Argument(Scalar? value) => value is { } v ? v.ToArgument() : None;

    public static implicit operator Argument(torch.Device? value) =>
        value is null ? None : new(NativeTag.Device, (long)value.type, null, value.index);

    public static implicit operator Argument(long[]? value) => value is null ? None : new(NativeTag.IntList, 0, value);

    public static implicit operator Argument(double[]? value) =>
        value is null ? None : new(NativeTag.DoubleList, 0, value);

    public static implicit operator Argument(torch.Tensor[] value) => new(NativeTag.TensorList, 0, value);

    public static implicit operator Argument(string value) => new(NativeTag.String, 0, value);

    public static Argument OptionalTensors(torch.Tensor?[] value) => new(NativeTag.OptionalTensorList, 0, value);

    /// <summary>The argument as an error message shows it.</summary>
    public string Describe() =>
        (Tag, Owner) switch
        {
            (NativeTag.Tensor, torch.Tensor { IsInvalid: false } t) => t.Describe(),
            (NativeTag.Tensor, torch.Tensor) => "disposed tensor",
            (NativeTag.TensorList or NativeTag.OptionalTensorList, torch.Tensor?[] list) => "["
                + string.Join(", ", list.Select(t => ((Argument)t).Describe()))
                + "]",
            (NativeTag.IntList, long[] list) => "[" + string.Join(", ", list) + "]",
            (NativeTag.DoubleList, double[] list) => "[" + string.Join(", ", list) + "]",
            (NativeTag.Double, _) => BitConverter.Int64BitsToDouble(Bits).ToString("R"),
            (NativeTag.Bool, _) => Bits != 0 ? "true" : "false",
            (NativeTag.String, string s) => s,
            (NativeTag.Int, _) => Bits.ToString(),
            (NativeTag.Device, _) => "device",
            _ => "none",
        };
}
