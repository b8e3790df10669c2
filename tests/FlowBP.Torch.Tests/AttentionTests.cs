namespace FlowBP.Torch.Tests;

/// <summary>softmax(q·kᵀ/√d + mask)·v against loops in double.</summary>
public class AttentionTests
{
    private const int L = 3;
    private const int S = 4;
    private const int D = 5;
    private static readonly double[] Q = Close.Sample(2 * L * D, 1);
    private static readonly double[] K = Close.Sample(2 * S * D, 2);
    private static readonly double[] V = Close.Sample(2 * S * D, 3);

    // bias(head, place, seen place): −∞ where it is not seen.
    private static double[] Reference(Func<int, int, int, double> bias)
    {
        var result = new double[2 * L * D];
        for (var h = 0; h < 2; h++)
        {
            for (var i = 0; i < L; i++)
            {
                double[] weights =
                [
                    .. Enumerable
                        .Range(0, S)
                        .Select(j =>
                            Math.Exp(
                                bias(h, i, j)
                                    + (
                                        Enumerable
                                            .Range(0, D)
                                            .Sum(d => Q[(((h * L) + i) * D) + d] * K[(((h * S) + j) * D) + d])
                                        / Math.Sqrt(D)
                                    )
                            )
                        ),
                ];
                for (var d = 0; d < D; d++)
                {
                    result[(((h * L) + i) * D) + d] =
                        Enumerable.Range(0, S).Sum(j => weights[j] * V[(((h * S) + j) * D) + d]) / weights.Sum();
                }
            }
        }

        return result;
    }

    private static Tensor Attend(Tensor? mask = null, bool causal = false) =>
        F.scaled_dot_product_attention(
            torch.tensor(Q, [1, 2, L, D]),
            torch.tensor(K, [1, 2, S, D]),
            torch.tensor(V, [1, 2, S, D]),
            mask,
            is_casual: causal
        );

    [Test]
    public void Without_a_mask()
    {
        using var scope = torch.NewDisposeScope();
        var result = Attend();
        Assert.That(result.shape, Is.EqualTo(new long[] { 1, 2, L, D }));
        Close.To(Reference((_, _, _) => 0), result);
    }

    [Test]
    public void With_a_mask_that_is_added()
    {
        using var scope = torch.NewDisposeScope();
        var mask = Close.Sample(2 * L * S, 4);
        Close.To(Reference((h, i, j) => mask[(((h * L) + i) * S) + j]), Attend(torch.tensor(mask, [1, 2, L, S])));
        Close.To(Reference((_, i, j) => mask[(i * S) + j]), Attend(torch.tensor(mask[..(L * S)], [L, S])));
    }

    [Test]
    public void Causal()
    {
        using var scope = torch.NewDisposeScope();
        Close.To(Reference((_, i, j) => j <= i ? 0 : double.NegativeInfinity), Attend(causal: true));
    }

    [Test]
    public void Gradients_are_slopes()
    {
        using var scope = torch.NewDisposeScope();
        var k = torch.tensor(K, [1, 2, S, D], requires_grad: true);
        var q = torch.tensor(Q, [1, 2, L, D]);
        var v = torch.tensor(V, [1, 2, S, D]);
        F.scaled_dot_product_attention(q, k, v, is_casual: true).square().sum().backward();
        var slopes = Close.Differences(
            K,
            p =>
                F.scaled_dot_product_attention(q, torch.tensor(p, [1, 2, S, D]), v, is_casual: true)
                    .square()
                    .sum()
                    .item<double>()
        );
        Close.To(slopes, k.grad!, 1e-7);
    }

    [Test]
    public void A_mask_and_causality_exclude_each_other()
    {
        using var scope = torch.NewDisposeScope();
        Assert.That(() => Attend(torch.zeros([L, S], torch.float64), causal: true), Throws.ArgumentException);
    }
}
