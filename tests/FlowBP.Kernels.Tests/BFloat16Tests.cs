// The one rounding that a latent suffers, checked against the definition: the nearest representable value, ties to even.

using System.Runtime.Intrinsics;
using FlowBP.RandomStreams;

namespace FlowBP.Kernels.Tests;

public class BFloat16Tests
{
    [Test]
    public void Every_bf16_survives_a_round_trip()
    {
        for (var bits = 0; bits <= ushort.MaxValue; bits++)
        {
            var value = BFloat16Bits.ToSingle((ushort)bits);
            Assert.That(BFloat16Bits.FromSingle(value), Is.EqualTo(float.IsNaN(value) ? BFloat16Bits.NaN : bits));
        }
    }

    [Test]
    public void Rounding_goes_to_the_nearest_and_ties_to_even()
    {
        // Between each pair of neighbours: just below the middle, the middle, just above it. Both signs, subnormals too.
        for (var bits = 0; bits < 0x7F7F; bits++)
        {
            var low = (double)BFloat16Bits.ToSingle((ushort)bits);
            var high = (double)BFloat16Bits.ToSingle((ushort)(bits + 1));
            var middle = (float)((low + high) / 2);
            var even = bits % 2 == 0 ? bits : bits + 1;
            foreach (var sign in new[] { 0, 0x8000 })
            {
                var signed = sign == 0 ? middle : -middle;
                Assert.That(BFloat16Bits.FromSingle(signed), Is.EqualTo(even | sign));
                var below = sign == 0 ? float.BitDecrement(signed) : float.BitIncrement(signed);
                Assert.That(BFloat16Bits.FromSingle(below), Is.EqualTo(bits | sign));
                var above = sign == 0 ? float.BitIncrement(signed) : float.BitDecrement(signed);
                Assert.That(BFloat16Bits.FromSingle(above), Is.EqualTo((bits + 1) | sign));
            }
        }
    }

    [Test]
    public void Values_beyond_the_largest_become_infinite_and_nan_stays_nan()
    {
        Assert.That(BFloat16Bits.FromSingle(float.MaxValue), Is.EqualTo(0x7F80));
        Assert.That(BFloat16Bits.FromSingle(float.NegativeInfinity), Is.EqualTo(0xFF80));
        // A NaN whose payload lies in the lower half alone would become infinite if it were rounded like a number.
        var lowPayload = BitConverter.UInt32BitsToSingle(0x7F800001);
        Assert.That(BFloat16Bits.FromSingle(lowPayload), Is.EqualTo(BFloat16Bits.NaN));
        Assert.That(BFloat16Bits.FromSingle(float.NaN), Is.EqualTo(BFloat16Bits.NaN));
    }

    [Test]
    public void The_vector_conversion_gives_the_same_bits_in_the_same_order()
    {
        var stream = RandomStream.For(1, 0, 0, RandomPurpose.Data);
        for (var round = 0; round < 10_000; round++)
        {
            // Any bit pattern: numbers of all magnitudes, infinities, NaNs.
            var values = Enumerable
                .Range(0, 16)
                .Select(_ =>
                    BitConverter.UInt32BitsToSingle(stream.NextUInt32() | (stream.NextInt(8) == 0 ? 0x7F800000u : 0))
                )
                .ToArray();
            var packed = BFloat16Bits.FromSingle(Vector256.Create(values), Vector256.Create(values, 8));
            BFloat16Bits.ToSingle(packed, out var first, out var second);
            for (var i = 0; i < 16; i++)
            {
                var expected = BFloat16Bits.FromSingle(values[i]);
                Assert.That(packed[i], Is.EqualTo(expected), $"{values[i]:R}");
                var widened = BitConverter.SingleToUInt32Bits(i < 8 ? first[i] : second[i - 8]);
                Assert.That(widened, Is.EqualTo((uint)expected << 16));
            }
        }
    }
}
