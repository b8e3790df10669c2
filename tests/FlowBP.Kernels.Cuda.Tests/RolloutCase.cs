// The rollout's fused operations of one shape on a target, against the scalar reference: bit for bit. That reference itself is
// held against doubles in RolloutReferenceTests.

namespace FlowBP.Kernels.Cuda.Tests;

internal abstract record RolloutCase(LatentType Type, int Misalignment)
{
    private static readonly LatentType[] Types = [LatentType.BFloat16, LatentType.Float32];

    public static IEnumerable<RolloutCase> Small =>
        from type in Types
        from shape in new RolloutCase[]
        {
            new AdalnCase(type, 0, 2, 3, 64),
            new AdalnCase(type, 1, 1, 5, 7),
            new AdalnCase(type, 0, 1, 2, 3200),
            new GatedCase(type, 0, 2, 3, 64),
            new GatedCase(type, 1, 2, 5, 7),
            new QkCase(type, 0, 2, 5, 3, 64),
            new QkCase(type, 1, 1, 3, 2, 6),
            new EulerCase(type, type, 0, 2, 24),
            new EulerCase(type, LatentType.BFloat16, 1, 3, 9),
            new EulerCase(LatentType.BFloat16, type, 0, 1, 16),
        }
        select shape;

    public static IEnumerable<RolloutCase> All =>
        Small
            .Concat(
                from type in Types
                from misalignment in new[] { 0, 1 }
                from width in new[] { 0, 1, 8, 9, 100, 256, 1536, 3072 + 8, 5000 }
                from shape in new RolloutCase[]
                {
                    new AdalnCase(type, misalignment, 2, 3, width),
                    new GatedCase(type, misalignment, 2, width == 8 ? 2000 : 3, width),
                }
                select shape
            )
            .Concat(
                from type in Types
                from misalignment in new[] { 0, 1 }
                from shape in new[]
                {
                    // Heads of SD3 and FLUX; widths that fill no vector, several, more than a warp; one token, none.
                    (2, 9, 24, 64),
                    (1, 5, 24, 128),
                    (1, 3, 38, 64),
                    (3, 1, 1, 2),
                    (1, 2, 5, 10),
                    (1, 4, 2, 320),
                    (1, 0, 2, 8),
                }
                select new QkCase(type, misalignment, shape.Item1, shape.Item2, shape.Item3, shape.Item4)
            )
            .Concat(
                from network in Types
                from type in Types
                from misalignment in new[] { 0, 1 }
                from shape in new[] { (1, 0), (1, 1), (3, 7), (2, 8), (3, 1023), (2, 4096 + 3), (2, 4096) }
                select new EulerCase(network, type, misalignment, shape.Item1, shape.Item2)
            );

    public abstract void Check(CudaTarget target);

    /// <summary>Normal draws, rounded to the type.</summary>
    protected TestLatents Normal(ulong seed, long batch, long rows, long width, LatentType? type = null) =>
        new TestLatents(type ?? Type, batch, rows, width).FillNormal(seed);
}

internal sealed unsafe record AdalnCase(LatentType Type, int Misalignment, int Batch, int Tokens, int Width)
    : RolloutCase(Type, Misalignment)
{
    private const double Epsilon = 1e-6;

    public override void Check(CudaTarget target)
    {
        using var x = Normal(1, Batch, Tokens, Width);
        // Scale and shift are the second and the third of four parts; with misalignment they have strides of their own.
        using var modulation = Normal(2, 1, Batch, 4 * Width);
        using var result = Normal(3, Batch, Tokens, Width);
        new ScalarRolloutKernels().AdalnModulate(
            Tokened(x.Buffer.Pointer),
            Modulation(modulation.Buffer.Pointer, 1),
            Modulation(modulation.Buffer.Pointer, 2),
            Epsilon,
            Tokened(result.Buffer.Pointer)
        );
        using var xDevice = new DeviceLatents(target.Driver, x, Misalignment);
        using var modulationDevice = new DeviceLatents(target.Driver, modulation, Misalignment);
        using var blank = Normal(4, Batch, Tokens, Width);
        using var resultDevice = new DeviceLatents(target.Driver, blank, Misalignment);
        Run(resultDevice);
        Assert.That(resultDevice.Bits(), Is.EqualTo(result.Bits()), $"{this}");
        Run(xDevice);
        Assert.That(xDevice.Bits(), Is.EqualTo(result.Bits()), $"in place, {this}");

        void Run(DeviceLatents destination) =>
            target.Rollout.AdalnModulate(
                Tokened(xDevice.Pointer),
                Modulation(modulationDevice.Pointer, 1),
                Modulation(modulationDevice.Pointer, 2),
                Epsilon,
                Tokened(destination.Pointer)
            );
    }

    private TokenBuffer Tokened(void* pointer) => new(pointer, Type, Batch, Tokens, Width);

    private ModulationBuffer Modulation(void* pointer, int part) =>
        new((byte*)pointer + (part * Width * (Type == LatentType.BFloat16 ? 2 : 4)), Type, Batch, Width, 4 * Width);
}

internal sealed unsafe record GatedCase(LatentType Type, int Misalignment, int Batch, int Tokens, int Width)
    : RolloutCase(Type, Misalignment)
{
    public override void Check(CudaTarget target)
    {
        using var x = Normal(1, Batch, Tokens, Width);
        using var y = Normal(2, Batch, Tokens, Width);
        using var gate = Normal(3, 1, Batch, 2 * Width);
        using var result = Normal(4, Batch, Tokens, Width);
        new ScalarRolloutKernels().GatedResidual(
            Tokened(x.Buffer.Pointer),
            Gate(gate.Buffer.Pointer),
            Tokened(y.Buffer.Pointer),
            Tokened(result.Buffer.Pointer)
        );
        using var xDevice = new DeviceLatents(target.Driver, x, Misalignment);
        using var yDevice = new DeviceLatents(target.Driver, y, Misalignment);
        using var gateDevice = new DeviceLatents(target.Driver, gate, Misalignment);
        using var blank = Normal(5, Batch, Tokens, Width);
        using var resultDevice = new DeviceLatents(target.Driver, blank, Misalignment);
        Run(resultDevice);
        Assert.That(resultDevice.Bits(), Is.EqualTo(result.Bits()), $"{this}");
        Run(xDevice);
        Assert.That(xDevice.Bits(), Is.EqualTo(result.Bits()), $"in place, {this}");

        void Run(DeviceLatents destination) =>
            target.Rollout.GatedResidual(
                Tokened(xDevice.Pointer),
                Gate(gateDevice.Pointer),
                Tokened(yDevice.Pointer),
                Tokened(destination.Pointer)
            );
    }

    private TokenBuffer Tokened(void* pointer) => new(pointer, Type, Batch, Tokens, Width);

    private ModulationBuffer Gate(void* pointer) => new(pointer, Type, Batch, Width, 2 * Width);
}

internal sealed unsafe record QkCase(LatentType Type, int Misalignment, int Batch, int Tokens, int Heads, int Width)
    : RolloutCase(Type, Misalignment)
{
    private const double Epsilon = 1e-6;

    public override void Check(CudaTarget target)
    {
        using var x = Normal(1, Batch, Tokens, Heads * Width);
        using var weight = Normal(2, 1, 1, Width);
        using var cosine = new TestLatents(LatentType.Float32, 1, Tokens, Width / 2).Fill((_, l, i) => Math.Cos(l + i));
        using var sine = new TestLatents(LatentType.Float32, 1, Tokens, Width / 2).Fill((_, l, i) => Math.Sin(l + i));
        using var xDevice = new DeviceLatents(target.Driver, x, Misalignment);
        using var weightDevice = new DeviceLatents(target.Driver, weight, Misalignment);
        using var cosineDevice = new DeviceLatents(target.Driver, cosine, Misalignment);
        using var sineDevice = new DeviceLatents(target.Driver, sine, Misalignment);
        foreach (var (weighted, rotated) in new[] { (true, true), (true, false), (false, true) })
        {
            // The result goes into the later part of a longer sequence, [B, H, 2 + L, K].
            using var result = new TestLatents(Type, Batch, Heads * (2L + Tokens), Width).Fill((_, _, _) => 7);
            using var resultDevice = new DeviceLatents(target.Driver, result, Misalignment);
            new ScalarRolloutKernels().QkNormRope(
                Contiguous(x.Buffer.Pointer),
                weighted ? weight.Buffer.Pointer : null,
                rotated ? (float*)cosine.Buffer.Pointer : null,
                rotated ? (float*)sine.Buffer.Pointer : null,
                Epsilon,
                InLongerSequence(result.Buffer)
            );
            target.Rollout.QkNormRope(
                Contiguous(xDevice.Pointer),
                weighted ? weightDevice.Pointer : null,
                rotated ? (float*)cosineDevice.Pointer : null,
                rotated ? (float*)sineDevice.Pointer : null,
                Epsilon,
                InLongerSequence(resultDevice.Buffer)
            );
            Assert.That(
                resultDevice.Bits(),
                Is.EqualTo(result.Bits()),
                $"weight {weighted}, rotation {rotated}, {this}"
            );
        }
        using var inPlace = new DeviceLatents(target.Driver, x, Misalignment);
        target.Rollout.QkNormRope(Contiguous(inPlace.Pointer), null, null, null, Epsilon, Contiguous(inPlace.Pointer));
        new ScalarRolloutKernels().QkNormRope(
            Contiguous(x.Buffer.Pointer),
            null,
            null,
            null,
            Epsilon,
            Contiguous(x.Buffer.Pointer)
        );
        Assert.That(inPlace.Bits(), Is.EqualTo(x.Bits()), $"in place, {this}");
    }

    private HeadBuffer Contiguous(void* pointer) => HeadBuffer.Contiguous(pointer, Type, Batch, Tokens, Heads, Width);

    private HeadBuffer InLongerSequence(LatentBuffer buffer) =>
        new()
        {
            Pointer = buffer.AddressOf(0, Math.Min(2, buffer.Batch), 0),
            Type = Type,
            Batch = Batch,
            Tokens = Tokens,
            Heads = Heads,
            Width = Width,
            SampleStride = (long)Heads * (2 + Tokens) * Width,
            TokenStride = Width,
            HeadStride = (2L + Tokens) * Width,
        };
}

internal sealed record EulerCase(LatentType Network, LatentType Type, int Misalignment, int Rows, int Elements)
    : RolloutCase(Type, Misalignment)
{
    public override void Check(CudaTarget target)
    {
        var batch = Rows + 1;
        int[] sample = [.. Enumerable.Range(0, Rows).Select(n => (n * 2 % (Rows | 1)))];
        using var conditional = Normal(1, 1, Rows, Elements, Network);
        using var negative = Normal(2, 1, Rows, Elements, Network);
        using var x = Normal(3, 1, batch, Elements);
        using var conditionalDevice = new DeviceLatents(target.Driver, conditional, Misalignment);
        using var negativeDevice = new DeviceLatents(target.Driver, negative, Misalignment);
        foreach (var (guided, inPlace) in new[] { (true, false), (false, false), (true, true) })
        {
            using var v = new TestLatents(Type, 1, batch, Elements).Fill((_, _, _) => 5);
            using var next = new TestLatents(Type, 1, batch, Elements).Fill((_, _, _) => 6);
            using var state = Normal(3, 1, batch, Elements);
            using var xDevice = new DeviceLatents(target.Driver, x, Misalignment);
            using var vDevice = new DeviceLatents(target.Driver, v, Misalignment);
            using var nextDevice = new DeviceLatents(target.Driver, next, Misalignment);
            new ScalarRolloutKernels().GuidedEulerStep(
                conditional.Buffer,
                guided ? negative.Buffer : null,
                4.5,
                sample,
                state.Buffer,
                -0.04,
                v.Buffer,
                inPlace ? state.Buffer : next.Buffer
            );
            target.Rollout.GuidedEulerStep(
                conditionalDevice.Buffer,
                guided ? negativeDevice.Buffer : null,
                4.5,
                sample,
                xDevice.Buffer,
                -0.04,
                vDevice.Buffer,
                inPlace ? xDevice.Buffer : nextDevice.Buffer
            );
            Assert.That(vDevice.Bits(), Is.EqualTo(v.Bits()), $"velocity, {this}");
            Assert.That(nextDevice.Bits(), Is.EqualTo(next.Bits()), $"next state, {this}");
            Assert.That(xDevice.Bits(), Is.EqualTo(state.Bits()), $"state, {this}");
        }
    }
}
