// Replay and residual of one shape on a target, against the scalar reference: bit for bit.

using FlowBP.RandomStreams;

namespace FlowBP.Kernels.Cuda.Tests;

/// <param name="Type">Of the latents.</param>
/// <param name="Batch">B.</param>
/// <param name="Elements">E.</param>
/// <param name="Points">K.</param>
/// <param name="Misalignment">Elements by which the buffers miss a multiple of 16 bytes.</param>
/// <param name="Special">Whether there are NaN, infinities, subnormal numbers and zeros of both signs.</param>
internal sealed record QuadratureCase(
    LatentType Type,
    int Batch,
    int Elements,
    int Points,
    int Misalignment = 0,
    bool Special = false
)
{
    private const int Steps = 5;

    /// <summary>Every path through the kernels, small enough to be repeated under any sanitizer.</summary>
    public static IEnumerable<QuadratureCase> Small =>
        from type in Enum.GetValues<LatentType>()
        from shape in new[] { (1, 1, 1), (3, 7, 25), (2, 8, 0), (1, 9, 1), (2, 264, 3), (1, 2056, 6), (1, 2061, 9) }
        select new QuadratureCase(type, shape.Item1, shape.Item2, shape.Item3, shape.Item2 % 3);

    /// <summary>The small ones and larger ones.</summary>
    public static IEnumerable<QuadratureCase> All =>
        Small.Concat(
            from type in Enum.GetValues<LatentType>()
            from points in new[] { 0, 1, 25 }
            from shape in new[]
            {
                (1, 0, 0),
                (1, 255, 0),
                (3, 256, 0),
                (1, 257, 0),
                (3, 1023, 0),
                (2, 1024, 1),
                (3, 4096 + 3, 0),
                (1, 4096 + 3, 1),
                (2, 16384, 0),
                (1, 65536 + 256, 0),
            }
            select new QuadratureCase(type, shape.Item1, shape.Item2, points, shape.Item3)
        );

    public void Check(CudaTarget target)
    {
        using var x = new TestLatents(Type, Steps, Batch, Elements).FillWide(1);
        using var v = new TestLatents(Type, Steps - 1, Batch, Elements).FillWide(2);
        if (Special)
        {
            Sprinkle(x);
            Sprinkle(v);
        }
        var stream = RandomStream.For(7, 0, 0, RandomPurpose.Indices);
        int[] start = [.. Enumerable.Range(0, Batch).Select(_ => stream.NextInt(Steps))];
        int[] goal = [.. start.Select(step => (step + 1) % Steps)];
        int[] index = [.. Enumerable.Range(0, Batch * Points).Select(_ => stream.NextInt(Steps - 1))];
        double[] weight = [.. index.Select(_ => stream.NextNormal() * 0.2)];

        using var expectedOut = new TestLatents(Type, 1, Batch, Elements);
        var expected = new double[Batch];
        new ScalarLatentKernels().QuadratureResidual(
            x.Buffer,
            start,
            v.Buffer,
            index,
            weight,
            goal,
            expected,
            expectedOut.Buffer
        );

        using var xDevice = new DeviceLatents(target.Driver, x, Misalignment);
        using var vDevice = new DeviceLatents(target.Driver, v, Misalignment);
        using var blank = new TestLatents(Type, 1, Batch, Elements).Fill((_, _, _) => -7);
        using var replayed = new DeviceLatents(target.Driver, blank, Misalignment);
        using var alongside = new DeviceLatents(target.Driver, blank, Misalignment);
        target.Latents.Replay(xDevice.Buffer, start, vDevice.Buffer, index, weight, replayed.Buffer);
        Assert.That(replayed.Bits(), Is.EqualTo(expectedOut.Bits()), $"replay, {this}");

        var residual = new double[Batch];
        target.Latents.QuadratureResidual(xDevice.Buffer, start, vDevice.Buffer, index, weight, goal, residual);
        Assert.That(residual, Is.EqualTo(expected), $"residual, {this}");
        target.Latents.QuadratureResidual(
            xDevice.Buffer,
            start,
            vDevice.Buffer,
            index,
            weight,
            goal,
            residual,
            alongside.Buffer
        );
        Assert.That(residual, Is.EqualTo(expected), $"residual with output, {this}");
        Assert.That(alongside.Bits(), Is.EqualTo(expectedOut.Bits()), $"output of the residual, {this}");
        Assert.That(xDevice.Bits(), Is.EqualTo(x.Bits()), $"states are only read, {this}");
    }

    /// <summary>Puts values that are no ordinary numbers into every eleventh place.</summary>
    public static void Sprinkle(TestLatents latents)
    {
        double[] special =
        [
            double.NaN,
            double.PositiveInfinity,
            double.NegativeInfinity,
            Math.ScaleB(1, -130),
            -Math.ScaleB(3, -133),
            0.0,
            -0.0,
            3e38,
        ];
        for (var i = 0L; i < latents.Buffer.Count; i += 11)
        {
            latents[
                i / latents.Buffer.Elements / latents.Buffer.Batch,
                i / latents.Buffer.Elements % latents.Buffer.Batch,
                i % latents.Buffer.Elements
            ] = special[i / 11 % special.Length];
        }
    }
}
