// Unmanaged latents for the tests: at any alignment, between guard bytes that a write out of bounds would change.
// Values are exchanged as doubles, which hold every bf16 and binary32 exactly.

using System.Runtime.InteropServices;
using FlowBP.RandomStreams;

namespace FlowBP.Kernels.Tests;

public sealed unsafe class TestLatents : IDisposable
{
    private const int GuardBytes = 64;
    private const byte Guard = 0xA5;

    private readonly byte* _allocation;
    private readonly int _misalignment;

    public TestLatents(LatentType type, long steps, long batch, long elements, int misalignment = 0)
    {
        _misalignment = misalignment;
        var size = new LatentBuffer(null, type, steps, batch, elements);
        Bytes = size.Count * size.ElementSize;
        var allocated = Bytes + (2 * GuardBytes) + misalignment;
        _allocation = (byte*)NativeMemory.AlignedAlloc((nuint)allocated, 64);
        new Span<byte>(_allocation, (int)allocated).Fill(Guard);
        Buffer = new(_allocation + GuardBytes + misalignment, type, steps, batch, elements);
    }

    public LatentBuffer Buffer { get; }

    public long Bytes { get; }

    public double this[long t, long b, long e]
    {
        get
        {
            var address = Buffer.AddressOf(t, b, e);
            return Buffer.Type switch
            {
                LatentType.Float64 => NativeStorage<double>.Read(address),
                LatentType.Float32 => NativeStorage<float>.Read(address),
                _ => BFloat16Storage.Read(address),
            };
        }
        set
        {
            var address = Buffer.AddressOf(t, b, e);
            switch (Buffer.Type)
            {
                case LatentType.Float64:
                    NativeStorage<double>.Write(address, value);
                    break;
                case LatentType.Float32:
                    NativeStorage<float>.Write(address, (float)value);
                    break;
                default:
                    BFloat16Storage.Write(address, (float)value);
                    break;
            }
        }
    }

    /// <summary>Sets every element to a function of its position.</summary>
    public TestLatents Fill(Func<long, long, long, double> value)
    {
        for (var t = 0L; t < Buffer.Steps; t++)
        {
            for (var b = 0L; b < Buffer.Batch; b++)
            {
                for (var e = 0L; e < Buffer.Elements; e++)
                {
                    this[t, b, e] = value(t, b, e);
                }
            }
        }

        return this;
    }

    /// <summary>Normal draws, addressed by a seed.</summary>
    public TestLatents FillNormal(ulong seed)
    {
        var stream = RandomStream.For(seed, 0, 0, RandomPurpose.Data);
        return Fill((_, _, _) => stream.NextNormal());
    }

    /// <summary>
    /// Normal draws times powers of two between 2^-40 and 2^40: sums in double of narrower Float32 values are exact, and
    /// would not show the order in which they were added.
    /// </summary>
    public TestLatents FillWide(ulong seed)
    {
        var stream = RandomStream.For(seed, 0, 0, RandomPurpose.Data);
        return Fill((_, _, _) => Math.ScaleB(stream.NextNormal(), stream.NextInt(81) - 40));
    }

    /// <summary>The bits of all elements, every NaN replaced by one (its payload is not specified).</summary>
    public ulong[] Bits()
    {
        var bits = new List<ulong>();
        for (var i = 0L; i < Buffer.Count; i++)
        {
            var address = (byte*)Buffer.Pointer + (i * Buffer.ElementSize);
            var value = Buffer.Type switch
            {
                LatentType.Float64 => NativeStorage<double>.Read(address),
                LatentType.Float32 => NativeStorage<float>.Read(address),
                _ => BFloat16Storage.Read(address),
            };
            bits.Add(double.IsNaN(value) ? ulong.MaxValue : BitConverter.DoubleToUInt64Bits(value));
        }
        return [.. bits];
    }

    public void AssertGuardsUntouched()
    {
        var before = new Span<byte>(_allocation, GuardBytes + _misalignment);
        var after = new Span<byte>((byte*)Buffer.Pointer + Bytes, GuardBytes);
        Assert.That(before.IndexOfAnyExcept(Guard), Is.EqualTo(-1), "written in front of the buffer");
        Assert.That(after.IndexOfAnyExcept(Guard), Is.EqualTo(-1), "written behind the buffer");
    }

    public void Dispose() => NativeMemory.AlignedFree(_allocation);
}
