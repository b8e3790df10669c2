// The four operations, fused multiply-add and square root in any format and rounding mode. Infinities, NaNs and zeros follow
// the hardware's double arithmetic, whose rules for them don't depend on the format; only the sign of an exact zero depends
// on the rounding mode.

namespace FlowBP.Cuda.Interpreter.Arithmetic;

internal readonly record struct RoundedOperations(FloatFormat Format, Rounding Mode)
{
    internal double Add(double a, double b)
    {
        var sum = a + b;
        return !double.IsFinite(a) || !double.IsFinite(b) ? sum
            : sum == 0 ? ZeroSum(double.IsNegative(a), double.IsNegative(b))
            : (ExactNumber.Of(a) + ExactNumber.Of(b)).Round(Format, Mode);
    }

    internal double Multiply(double a, double b)
    {
        var isExact = !double.IsFinite(a) || !double.IsFinite(b) || a == 0 || b == 0;
        return isExact ? a * b : (ExactNumber.Of(a) * ExactNumber.Of(b)).Round(Format, Mode);
    }

    internal double MultiplyAdd(double a, double b, double c)
    {
        if (!double.IsFinite(a) || !double.IsFinite(b) || !double.IsFinite(c))
        {
            return Math.FusedMultiplyAdd(a, b, c);
        }
        var sum = (ExactNumber.Of(a) * ExactNumber.Of(b)) + ExactNumber.Of(c);
        return sum.Significand.IsZero
            ? ZeroSum(double.IsNegative(a) != double.IsNegative(b), double.IsNegative(c))
            : sum.Round(Format, Mode);
    }

    internal double Divide(double a, double b)
    {
        var isExact = !double.IsFinite(a) || !double.IsFinite(b) || a == 0 || b == 0;
        return isExact ? a / b : (ExactNumber.Of(a) / ExactNumber.Of(b)).Round(Format, Mode);
    }

    internal double SquareRoot(double a) =>
        !double.IsFinite(a) || a <= 0 ? Math.Sqrt(a) : ExactNumber.Of(a).SquareRoot().Round(Format, Mode);

    /// <summary>The value in the format.</summary>
    internal double Round(double a) => !double.IsFinite(a) || a == 0 ? a : ExactNumber.Of(a).Round(Format, Mode);

    /// <summary>x + y = 0: the sign they share, else + except when rounding down.</summary>
    private double ZeroSum(bool firstIsNegative, bool secondIsNegative) =>
        firstIsNegative == secondIsNegative ? (firstIsNegative ? -0.0 : 0.0)
        : Mode == Rounding.Down ? -0.0
        : 0.0;
}
