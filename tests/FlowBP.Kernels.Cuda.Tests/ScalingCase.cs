// Scaling of one shape on a target, against the scalar reference: bit for bit.

namespace FlowBP.Kernels.Cuda.Tests;

internal sealed record ScalingCase(
    LatentType From,
    LatentType To,
    int Batch,
    int Elements,
    int Misalignment = 0,
    bool Special = false
)
{
    public static (LatentType From, LatentType To)[] Types =>
        [
            (LatentType.BFloat16, LatentType.BFloat16),
            (LatentType.Float32, LatentType.Float32),
            (LatentType.Float64, LatentType.Float64),
            (LatentType.Float32, LatentType.BFloat16),
            (LatentType.BFloat16, LatentType.Float32),
        ];

    public static IEnumerable<ScalingCase> Small =>
        from types in Types
        from shape in new[] { (1, 1, 0), (3, 7, 1), (2, 8, 0), (2, 9, 2), (1, 1032, 0), (1, 1033, 1) }
        select new ScalingCase(types.From, types.To, shape.Item1, shape.Item2, shape.Item3);

    public static IEnumerable<ScalingCase> All =>
        Small.Concat(
            from types in Types
            from shape in new[] { (1, 0, 0), (3, 1023, 0), (3, 4096 + 3, 0), (2, 8192 + 16, 0), (1, 8192, 1) }
            select new ScalingCase(types.From, types.To, shape.Item1, shape.Item2, shape.Item3)
        );

    public void Check(CudaTarget target)
    {
        using var g = new TestLatents(From, 1, Batch, Elements).FillWide(3);
        if (Special)
        {
            QuadratureCase.Sprinkle(g);
        }
        double[] scale = [.. Enumerable.Range(0, Batch).Select(b => Math.Sin(b + 1) * Math.ScaleB(1, -(b % 30)))];
        using var expected = new TestLatents(To, 1, Batch, Elements);
        new ScalarLatentKernels().ScaleCotangent(g.Buffer, scale, expected.Buffer);

        using var source = new DeviceLatents(target.Driver, g, Misalignment);
        using var blank = new TestLatents(To, 1, Batch, Elements).Fill((_, _, _) => -7);
        using var result = new DeviceLatents(target.Driver, blank, Misalignment / 2);
        target.Latents.ScaleCotangent(source.Buffer, scale, result.Buffer);
        Assert.That(result.Bits(), Is.EqualTo(expected.Bits()), $"{this}");
        if (From == To)
        {
            target.Latents.ScaleCotangent(source.Buffer, scale, source.Buffer);
            Assert.That(source.Bits(), Is.EqualTo(expected.Bits()), $"in place, {this}");
        }
    }
}
