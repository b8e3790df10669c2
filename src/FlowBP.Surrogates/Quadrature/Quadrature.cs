// Weights of a leap. They are few (an order is 1 to 4 or so) and they are exact: everything here is double, and a
// polynomial is integrated through its coefficients, so there is no rule to be converged.

namespace FlowBP.Surrogates;

/// <summary>Quadrature weights on noise levels (docs/methods.md §3.2).</summary>
public static class Quadrature
{
    /// <summary>
    /// Lagrange weights <c>λ_s = ∫_a^b ℓ_s(σ) dσ</c>, ℓ_s the Lagrange basis on the nodes: exact for polynomials of
    /// degree below the number of nodes. Nodes outside [a, b] extrapolate (Adams–Bashforth is that case).
    /// </summary>
    /// <param name="nodes">Distinct σ, at least one.</param>
    /// <param name="from">a.</param>
    /// <param name="to">b; below a in a rollout, which makes positive weights negative.</param>
    /// <exception cref="ArgumentException">There is no node, or two are equal.</exception>
    public static double[] Lagrange(IReadOnlyList<double> nodes, double from, double to)
    {
        if (nodes.Count == 0)
        {
            throw new ArgumentException("a quadrature needs at least one node", nameof(nodes));
        }
        // Around the middle of the interval, in units of its half: no power of σ loses digits there.
        var middle = (from + to) / 2;
        var half = (to - from) / 2;
        var t = nodes.Select(node => (node - middle) / half).ToArray();
        return [.. Enumerable.Range(0, t.Length).Select(s => half * BasisIntegral(t, s))];
    }

    /// <summary>Equal weights that add up to the interval.</summary>
    /// <param name="count">Number of nodes, at least 1.</param>
    /// <param name="from">a.</param>
    /// <param name="to">b.</param>
    public static double[] Uniform(int count, double from, double to)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return [.. Enumerable.Repeat((to - from) / count, count)];
    }

    // ∫_{-1}^{1} of the basis polynomial of node s, through its coefficients; odd powers integrate to zero.
    private static double BasisIntegral(double[] t, int s)
    {
        var coefficients = new double[t.Length];
        coefficients[0] = 1;
        var degree = 0;
        for (var other = 0; other < t.Length; other++)
        {
            if (other == s)
            {
                continue;
            }
            var gap = t[s] - t[other];
            if (gap == 0)
            {
                throw new ArgumentException($"two nodes of a quadrature are equal (numbers {s} and {other})");
            }
            degree++;
            for (var power = degree; power >= 0; power--)
            {
                var lower = power > 0 ? coefficients[power - 1] : 0;
                coefficients[power] = (lower - (t[other] * coefficients[power])) / gap;
            }
        }
        var integral = 0.0;
        for (var power = 0; power <= degree; power += 2)
        {
            integral += 2 * coefficients[power] / (power + 1);
        }
        return integral;
    }
}
