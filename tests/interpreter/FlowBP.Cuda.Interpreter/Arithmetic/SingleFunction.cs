// Single precision, with subnormal numbers flushed to zero where the instruction says .ftz.

namespace FlowBP.Cuda.Interpreter.Arithmetic;

internal static class SingleFunction
{
    internal static Delegate Of(Delegate function, bool isFlushed) =>
        function switch
        {
            Func<double, double> f when isFlushed => new Unary(a => Write(f(Read(a)))),
            Func<double, double> f => new Unary(a => Bits.Of((float)f(Bits.Single(a)))),
            Func<double, double, double> f when isFlushed => new Binary((a, b) => Write(f(Read(a), Read(b)))),
            Func<double, double, double> f => new Binary((a, b) => Bits.Of((float)f(Bits.Single(a), Bits.Single(b)))),
            Func<double, double, double, double> f when isFlushed => new Ternary(
                (a, b, c) => Write(f(Read(a), Read(b), Read(c)))
            ),
            Func<double, double, double, double> f => new Ternary(
                (a, b, c) => Bits.Of((float)f(Bits.Single(a), Bits.Single(b), Bits.Single(c)))
            ),
            _ => throw new InvalidOperationException($"{function.GetType()} is no function of doubles"),
        };

    private static double Read(ulong bits) => Bits.Flush(Bits.Single(bits));

    private static ulong Write(double value) => Bits.Of(Bits.Flush((float)value));
}
