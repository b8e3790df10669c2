// The squared norm of a list of gradients on a target, against the scalar reference: bit for bit.

namespace FlowBP.Kernels.Cuda.Tests;

internal sealed unsafe record NormCase((LatentType Type, int Count)[] Gradients, int Misalignment = 0)
{
    public static IEnumerable<NormCase> Small =>
        from type in Enum.GetValues<LatentType>()
        from misalignment in new[] { 0, 1 }
        select new NormCase([(type, 1), (type, 0), (type, 7), (type, 256), (type, 2049)], misalignment);

    public static IEnumerable<NormCase> All =>
        Small
            .Concat(
                from type in Enum.GetValues<LatentType>()
                from count in new[] { 0, 8, 9, 255, 257, 1023, 4096 + 3, 65536, 65536 + 1, (2 * 65536) + 4099 }
                from misalignment in new[] { 0, 1 }
                select new NormCase([(type, count)], misalignment)
            )
            .Concat([
                new NormCase([]),
                // Types change from one to the next, and there are more than the 170 of one launch.
                new NormCase([
                    .. Enumerable
                        .Range(0, 400)
                        .Select(i => (i < 250 ? LatentType.Float32 : (LatentType)(i % 3), i % 23)),
                ]),
            ]);

    public override string ToString() => $"[{string.Join(", ", Gradients)}] {Misalignment}";

    public void Check(CudaTarget target)
    {
        var host = Gradients
            .Select((gradient, i) => new TestLatents(gradient.Type, 1, 1, gradient.Count).FillWide((ulong)i))
            .ToArray();
        var device = Array.ConvertAll(host, buffer => new DeviceLatents(target.Driver, buffer, Misalignment));
        var expected = new double[Gradients.Length];
        new ScalarLatentKernels().SquaredNorms(
            [.. host.Select(buffer => Of(buffer.Buffer.Pointer, buffer.Buffer))],
            expected
        );
        var actual = new double[Gradients.Length];
        target.Latents.SquaredNorms([.. device.Select(buffer => Of(buffer.Pointer, buffer.Buffer))], actual);
        Assert.That(actual, Is.EqualTo(expected), $"{this}");
        Array.ForEach(host, buffer => buffer.Dispose());
        Array.ForEach(device, buffer => buffer.Dispose());
    }

    private static GradientBuffer Of(void* pointer, LatentBuffer buffer) => new(pointer, buffer.Type, buffer.Count);
}
