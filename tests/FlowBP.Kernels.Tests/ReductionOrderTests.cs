// The order of summation as its documentation states it, written down once more by recursion.

namespace FlowBP.Kernels.Tests;

public class ReductionOrderTests
{
    // Numbers whose sums depend on the order: 2^53 and ones, in a fixed disorder.
    private static double[] Values(int count) =>
        [.. Enumerable.Range(0, count).Select(i => i * 7919 % 13 == 0 ? Math.ScaleB(1, 53) : 1.0 + (i % 3))];

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(7)]
    [TestCase(8)]
    [TestCase(9)]
    [TestCase(255)]
    [TestCase(256)]
    [TestCase(257)]
    [TestCase(65_536)]
    [TestCase(65_537)]
    [TestCase(200_000)]
    public void A_row_is_added_up_in_octets_blocks_and_blocks_of_blocks(int count)
    {
        var values = Values(count);
        Assert.That(ReductionOrder.Sum(Values(count)), Is.EqualTo(OfRow(values)));
    }

    private static double OfRow(double[] row) =>
        row.Length switch
        {
            0 => 0,
            1 => row[0],
            _ => OfRow([.. row.Chunk(256).Select(OfBlock)]),
        };

    private static double OfBlock(double[] block) =>
        Halved([.. block.Concat(new double[256 - block.Length]).Chunk(8).Select(Halved)]);

    private static double Halved(double[] values) =>
        values.Length == 1
            ? values[0]
            : Halved([.. values.Take(values.Length / 2).Zip(values.Skip(values.Length / 2), (a, b) => a + b)]);

    [Test]
    public void An_octet_is_added_up_as_documented()
    {
        double[] e = [Math.ScaleB(1, 53), 1, 1, 1, -Math.ScaleB(1, 53), 1, 1, 3];
        var expected = ((e[0] + e[4]) + (e[2] + e[6])) + ((e[1] + e[5]) + (e[3] + e[7]));
        Assert.That(expected, Is.Not.EqualTo(e.Aggregate((sum, x) => sum + x)), "another order, another sum");
        Assert.That(ReductionOrder.Sum([.. e]), Is.EqualTo(expected));
    }
}
