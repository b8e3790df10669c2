// Optimizer steps and gradient norm over a list of tensors on a target, against the scalar reference: bit for bit.

namespace FlowBP.Kernels.Cuda.Tests;

internal sealed unsafe record OptimizerCase(LatentType Type, int[] Counts, int Misalignment = 0, bool Special = false)
{
    public static IEnumerable<OptimizerCase> Small =>
        from type in new[] { LatentType.Float32, LatentType.Float64 }
        from misalignment in new[] { 0, 1 }
        select new OptimizerCase(type, [1, 0, 7, 8, 9, 520], misalignment);

    public static IEnumerable<OptimizerCase> All =>
        Small.Concat(
            from type in new[] { LatentType.Float32, LatentType.Float64 }
            from counts in new int[][]
            {
                [],
                [0],
                [1023, 4096, 4096 + 3],
                // More tensors than the 62 of one launch.
                [.. Enumerable.Range(0, 130).Select(i => i % 17)],
            }
            select new OptimizerCase(type, counts)
        );

    public override string ToString() => $"{Type} [{string.Join(", ", Counts)}] {Misalignment}";

    public void Check(CudaTarget target)
    {
        var tensors = Counts
            .Select((count, i) => new Tensor(target.Driver, Type, count, Misalignment, i, Special))
            .ToArray();
        for (var t = 1; t <= 3; t++)
        {
            var step = new AdamWEmaStep(t, 1e-3, 0.9, 0.999, 1e-8, 1e-2, 0.99, GradientFactor: 0.3);
            new ScalarLatentKernels().AdamWEma([.. tensors.Select(tensor => tensor.OnHost)], step);
            target.Latents.AdamWEma([.. tensors.Select(tensor => tensor.OnDevice)], step);
        }
        foreach (var tensor in tensors)
        {
            tensor.AssertEqual(ToString());
            tensor.Dispose();
        }
    }

    // A parameter with its state, on host and device.
    private sealed class Tensor : IDisposable
    {
        private static readonly string[] Names =
        [
            "parameter",
            "gradient",
            "first moment",
            "second moment",
            "EMA",
            "copy",
        ];

        private readonly TestLatents[] _host;
        private readonly DeviceLatents[] _device;
        private readonly bool _averaged;
        private readonly bool _copied;

        public Tensor(ICudaDriver driver, LatentType type, int count, int misalignment, int number, bool special)
        {
            _averaged = number % 3 != 1;
            _copied = number % 2 == 0;
            var seed = (ulong)(100 * number);
            _host =
            [
                new TestLatents(type, 1, 1, count).FillNormal(seed),
                new TestLatents(type, 1, 1, count).FillWide(seed + 1),
                new TestLatents(type, 1, 1, count).FillNormal(seed + 2),
                new TestLatents(type, 1, 1, count).Fill((_, _, e) => e % 5 * 0.001),
                new TestLatents(type, 1, 1, count).FillNormal(seed + 4),
                new TestLatents(LatentType.BFloat16, 1, 1, count).Fill((_, _, _) => 0),
            ];
            if (special && count > 0)
            {
                QuadratureCase.Sprinkle(_host[1]);
            }
            _device = [.. _host.Select(buffer => new DeviceLatents(driver, buffer, misalignment))];
        }

        public AdamWEmaTensor OnHost => Of([.. _host.Select(buffer => (nint)buffer.Buffer.Pointer)]);

        public AdamWEmaTensor OnDevice => Of([.. _device.Select(buffer => (nint)buffer.Pointer)]);

        private AdamWEmaTensor Of(nint[] pointers) =>
            new()
            {
                Type = _host[0].Buffer.Type,
                Count = _host[0].Buffer.Elements,
                Parameter = (void*)pointers[0],
                Gradient = (void*)pointers[1],
                ExpAvg = (void*)pointers[2],
                ExpAvgSq = (void*)pointers[3],
                Ema = _averaged ? (void*)pointers[4] : null,
                BFloat16Copy = _copied ? (void*)pointers[5] : null,
            };

        public void AssertEqual(string where)
        {
            for (var i = 0; i < Names.Length; i++)
            {
                Assert.That(_device[i].Bits(), Is.EqualTo(_host[i].Bits()), $"{Names[i]}, {where}");
            }
        }

        public void Dispose()
        {
            Array.ForEach(_host, buffer => buffer.Dispose());
            Array.ForEach(_device, buffer => buffer.Dispose());
        }
    }
}
