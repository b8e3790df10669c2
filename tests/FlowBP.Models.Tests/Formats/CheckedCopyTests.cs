// The vectorised pass against the plain meaning: the same bytes (or the wider number), and the first refused element, at any
// length, alignment and place of the value.

using FlowBP.Formats;
using FsCheck;
using FsCheck.Fluent;
using NativeMemory = System.Runtime.InteropServices.NativeMemory;

namespace FlowBP.Models.Tests;

public sealed unsafe class CheckedCopyTests
{
    private static readonly Gen<(int Count, int FromOffset, int ToOffset, int Bad, bool NaN, int Seed)> Cases =
        from count in Gen.OneOf(Gen.Choose(1, 300), Gen.Choose(4000, 4100))
        from fromOffset in Gen.Choose(0, 7)
        from toOffset in Gen.OneOf(Gen.Constant(0), Gen.Choose(0, 7))
        from bad in Gen.Choose(-1, count - 1)
        from nan in Gen.Elements(true, false)
        from seed in Gen.Choose(0, int.MaxValue)
        select (count, fromOffset * 8, toOffset * 8, bad, nan, seed);

    [TestCase(ScalarType.Float64, ScalarType.Float64, 0x7FF0000000000000UL, 0x7FF0000000000001UL)]
    [TestCase(ScalarType.Float32, ScalarType.Float32, 0x7F800000UL, 0xFF800001UL)]
    [TestCase(ScalarType.Float16, ScalarType.Float16, 0x7C00UL, 0xFC01UL)]
    [TestCase(ScalarType.BFloat16, ScalarType.BFloat16, 0x7F80UL, 0xFF81UL)]
    [TestCase(ScalarType.BFloat16, ScalarType.Float32, 0x7F80UL, 0xFF81UL)]
    [TestCase(ScalarType.Int16, ScalarType.Int16, 0x7C00UL, 0x7F81UL)]
    public void Values_arrive_and_the_first_refused_one_is_found(
        ScalarType from,
        ScalarType to,
        ulong infinity,
        ulong nan
    ) =>
        Prop.ForAll(
                Arb.From(Cases),
                c =>
                {
                    var size = ElementTypes.Size(from);
                    var bytes = Finite(from, c.Count, c.Seed);
                    if (c.Bad >= 0)
                    {
                        BitConverter
                            .GetBytes(c.NaN ? nan : infinity)
                            .AsSpan(0, size)
                            .CopyTo(bytes.AsSpan(c.Bad * size));
                    }
                    foreach (var check in Enum.GetValues<ValueCheck>())
                    {
                        var refused =
                            c.Bad >= 0
                            && ElementTypes.IsFloating(from)
                            && (check == ValueCheck.Finite || (check == ValueCheck.NotNaN && c.NaN));
                        var copied = Copied(bytes, from, to, c.Count, c.FromOffset, c.ToOffset, check, out var found);
                        Assert.That(found, Is.EqualTo(refused ? c.Bad : -1), $"{check}");
                        Assert.That(copied, Is.EqualTo(from == to ? bytes : Widened(bytes)));
                    }
                }
            )
            .Check(Config.QuickThrowOnFailure.WithMaxTest(200));

    private static byte[] Copied(
        byte[] bytes,
        ScalarType from,
        ScalarType to,
        int count,
        int fromOffset,
        int toOffset,
        ValueCheck check,
        out long found
    )
    {
        var length = count * ElementTypes.Size(to);
        var memory = (byte*)NativeMemory.AlignedAlloc((nuint)(bytes.Length + length + 256), 64);
        try
        {
            var source = memory + fromOffset;
            var destination = memory + (bytes.Length + fromOffset + 63) / 64 * 64 + toOffset;
            bytes.CopyTo(new Span<byte>(source, bytes.Length));
            found = CheckedCopy.Copy(source, from, destination, to, count, check);
            return new Span<byte>(destination, length).ToArray();
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }

    // Random bits, one exponent bit cleared in each element.
    private static byte[] Finite(ScalarType type, int count, int seed)
    {
        var size = ElementTypes.Size(type);
        var bytes = new byte[count * size];
        new Random(seed).NextBytes(bytes);
        for (var i = size - 1; i < bytes.Length; i += size)
        {
            bytes[i] &= 0xBF;
        }
        return bytes;
    }

    private static byte[] Widened(byte[] bytes)
    {
        var wide = new byte[2 * bytes.Length];
        for (var i = 0; i < bytes.Length; i += 2)
        {
            wide[2 * i + 2] = bytes[i];
            wide[2 * i + 3] = bytes[i + 1];
        }
        return wide;
    }
}
