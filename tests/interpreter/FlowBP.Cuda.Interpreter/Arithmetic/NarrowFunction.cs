// The 16-bit formats, one or two to a register.

using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter.Arithmetic;

internal static class NarrowFunction
{
    internal static Delegate Of(Delegate function, PtxType type)
    {
        var read = Types.ReaderOf(type);
        var write = Types.WriterOf(type);
        return function switch
        {
            Func<double, double> f => PerLane(type, a => write(f(read(a)))),
            Func<double, double, double> f => PerLane(type, (a, b) => write(f(read(a), read(b)))),
            Func<double, double, double, double> f => PerLane(type, (a, b, c) => write(f(read(a), read(b), read(c)))),
            _ => throw new InvalidOperationException($"{function.GetType()} is no function of doubles"),
        };
    }

    private static Unary PerLane(PtxType type, Unary f) =>
        type.Lanes == 1 ? f : a => f(a & 0xffff) | (f(a >> 16) << 16);

    private static Binary PerLane(PtxType type, Binary f) =>
        type.Lanes == 1 ? f : (a, b) => f(a & 0xffff, b & 0xffff) | (f(a >> 16, b >> 16) << 16);

    private static Ternary PerLane(PtxType type, Ternary f) =>
        type.Lanes == 1 ? f : (a, b, c) => f(a & 0xffff, b & 0xffff, c & 0xffff) | (f(a >> 16, b >> 16, c >> 16) << 16);
}
