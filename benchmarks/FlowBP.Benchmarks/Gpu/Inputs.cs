// Inputs that are the same on every device: made on the CPU, with a period, and repeated on the device up to the size.

namespace FlowBP.Benchmarks.Gpu;

internal static class Inputs
{
    private const long Period = 1 << 20;
    private const int Modulus = 2039;

    /// <summary>Values from −1 to 1, different for each seed.</summary>
    /// <param name="device">Where.</param>
    /// <param name="type">Storage type.</param>
    /// <param name="seed">Any small number.</param>
    /// <param name="shape">Its product is at most 2^20, or a multiple of it.</param>
    public static Tensor Make(Device device, ScalarType type, int seed, params long[] shape)
    {
        using var scope = torch.NewDisposeScope();
        var count = shape.Aggregate(1L, (product, size) => product * size);
        var length = Math.Min(count, Period);
        var values = new float[length];
        for (var i = 0L; i < length; i++)
        {
            values[i] = ((((i + 1) * (104729 + (2L * seed))) + (seed * 7919L)) % Modulus * 2f / (Modulus - 1)) - 1;
        }
        var period = torch.tensor(values).to(type).to(device);
        return (count == length ? period : period.repeat(count / length)).view(shape).MoveToOuterDisposeScope();
    }
}
