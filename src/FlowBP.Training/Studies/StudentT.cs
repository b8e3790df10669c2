// Student's distribution for whole degrees of freedom, whose probabilities are finite sums (Abramowitz and Stegun 1964, 26.7.3 and
// 26.7.4).

namespace FlowBP.Training.Studies;

/// <summary>Student's t distribution.</summary>
internal static class StudentT
{
    private const int Halvings = 200;

    /// <summary>P(|T| ≤ t).</summary>
    /// <param name="t">At least 0.</param>
    /// <param name="freedom">Degrees of freedom, at least 1.</param>
    public static double Within(double t, int freedom)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(freedom, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(t);
        return WithinAngle(Math.Atan(t / Math.Sqrt(freedom)), freedom);
    }

    /// <summary>The t with P(|T| ≤ t) = <paramref name="share"/>.</summary>
    /// <param name="share">In (0, 1).</param>
    /// <param name="freedom">Degrees of freedom, at least 1.</param>
    public static double Bound(double share, int freedom)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(freedom, 1);
        var (low, high) = (0.0, Math.PI / 2);
        for (var i = 0; i < Halvings; i++)
        {
            var middle = (low + high) / 2;
            (low, high) = WithinAngle(middle, freedom) < share ? (middle, high) : (low, middle);
        }
        return Math.Sqrt(freedom) * Math.Tan(low);
    }

    // With tan θ = t/√ν. Odd ν: 2/π (θ + sin θ (cos θ + 2/3 cos³ θ + …)); even: sin θ (1 + 1/2 cos² θ + 1·3/(2·4) cos⁴ θ + …).
    private static double WithinAngle(double angle, int freedom)
    {
        var (sine, cosine) = Math.SinCos(angle);
        var isOdd = freedom % 2 == 1;
        var (term, sum) = (isOdd ? cosine : 1.0, 0.0);
        for (var power = isOdd ? 1 : 0; power <= freedom - 2; power += 2)
        {
            sum += term;
            term *= cosine * cosine * (power + 1) / (power + 2);
        }
        return isOdd ? 2 / Math.PI * (angle + sine * sum) : sine * sum;
    }
}
