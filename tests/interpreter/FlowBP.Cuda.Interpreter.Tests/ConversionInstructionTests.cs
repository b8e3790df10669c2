namespace FlowBP.Cuda.Interpreter.Tests;

public class ConversionInstructionTests
{
    private const int Count = 600;

    private static float Single(ulong bits) => BitConverter.UInt32BitsToSingle((uint)bits);

    private static ulong Bits(float value) => BitConverter.SingleToUInt32Bits(value);

    [Test]
    public void Single_to_bfloat16_rounds_to_nearest_even_and_keeps_NaN()
    {
        var operands = Values.Singles(Count);
        var results = PureInstruction.Evaluate("cvt.rn.bf16.f32 %result, %a;", 16, 32, operands[0]);
        var pairs = PureInstruction.Evaluate("cvt.rn.bf16x2.f32 %result, %a, %b;", 32, 32, operands[0], operands[1]);
        for (var i = 0; i < Count; i++)
        {
            Assert.That(results[i], Is.EqualTo(NearestBFloat(operands[0][i])));
            var expected = (NearestBFloat(operands[0][i]) << 16) | NearestBFloat(operands[1][i]);
            Assert.That(pairs[i], Is.EqualTo(expected), "the first operand goes to the upper half");
        }
    }

    // By its definition: of the two neighbours the nearer one, the even one of two equally near.
    private static ulong NearestBFloat(ulong single)
    {
        var value = Single(single);
        if (float.IsNaN(value))
        {
            return 0x7fff;
        }
        var (down, up) = ((uint)single & 0xffff0000, ((uint)single & 0xffff0000) + 0x10000);
        if (float.IsInfinity(value))
        {
            return down >> 16;
        }
        // One step beyond the largest number stands for infinity, where numbers would go on.
        var upper = Single(up) is var next && float.IsInfinity(next) ? Math.CopySign(Math.Pow(2, 128), next) : next;
        var (toDown, toUp) = (Math.Abs(value - (double)Single(down)), Math.Abs(upper - value));
        var isDown = toDown < toUp || (toDown == toUp && (down & 0x10000) == 0);
        return (isDown ? down : up) >> 16;
    }

    [Test]
    public void Single_to_half_rounds_to_nearest_even()
    {
        var random = new Random(9);
        var operands = Enumerable
            .Range(0, Count)
            .Select(_ => Bits((float)((random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-30, 20)))))
            .ToArray();
        var results = PureInstruction.Evaluate("cvt.rn.f16.f32 %result, %a;", 16, 32, operands);
        for (var i = 0; i < Count; i++)
        {
            Assert.That(results[i], Is.EqualTo((ulong)BitConverter.HalfToUInt16Bits((Half)Single(operands[i]))));
        }
    }

    [Test]
    public void Halves_and_singles_widen_exactly()
    {
        var halves = Enumerable
            .Range(0, 65536)
            .Where(h => (h & 0x7c00) != 0x7c00)
            .Where(h => h % 37 == 0)
            .Select(h => (ulong)h)
            .ToArray();
        var singles = PureInstruction.Evaluate("cvt.f32.f16 %result, %a;", 32, 16, halves);
        var doubles = PureInstruction.Evaluate("cvt.f64.f32 %result, %a;", 64, 32, singles);
        for (var i = 0; i < halves.Length; i++)
        {
            var expected = (double)BitConverter.UInt16BitsToHalf((ushort)halves[i]);
            Assert.That(BitConverter.UInt64BitsToDouble(doubles[i]), Is.EqualTo(expected));
        }
    }

    [Test]
    public void Double_to_single_rounds_as_told()
    {
        var value = BitConverter.DoubleToUInt64Bits(1 + Math.Pow(2, -24) + Math.Pow(2, -40));
        Assert.That(Convert("rn"), Is.EqualTo(Bits(1 + MathF.Pow(2, -23))));
        Assert.That(Convert("rz"), Is.EqualTo(Bits(1)));
        Assert.That(Convert("rm"), Is.EqualTo(Bits(1)));
        Assert.That(Convert("rp"), Is.EqualTo(Bits(1 + MathF.Pow(2, -23))));

        ulong Convert(string mode) => PureInstruction.Evaluate($"cvt.{mode}.f32.f64 %result, %a;", 32, 64, [value])[0];
    }

    [TestCase("rni", 2, -2, 4)]
    [TestCase("rzi", 2, -2, 3)]
    [TestCase("rmi", 2, -3, 3)]
    [TestCase("rpi", 3, -2, 4)]
    public void Numbers_become_integers_as_told(string mode, params int[] expected)
    {
        var results = PureInstruction.Evaluate(
            $"cvt.{mode}.s32.f32 %result, %a;",
            32,
            32,
            [Bits(2.5f), Bits(-2.5f), Bits(3.5f)]
        );
        Assert.That(results.Select(r => (int)r), Is.EqualTo(expected));
    }

    [Test]
    public void Integers_are_clamped_to_their_range_and_NaN_becomes_zero()
    {
        ulong[] operands = [Bits(3e9f), Bits(-3e9f), Bits(float.NaN), Bits(float.PositiveInfinity), Bits(-1)];
        var signed = PureInstruction.Evaluate("cvt.rzi.s32.f32 %result, %a;", 32, 32, operands);
        var unsigned = PureInstruction.Evaluate("cvt.rzi.u32.f32 %result, %a;", 32, 32, operands);
        var wide = PureInstruction.Evaluate("cvt.rzi.u64.f32 %result, %a;", 64, 32, operands);
        Assert.That(signed.Select(r => (int)r), Is.EqualTo(new[] { int.MaxValue, int.MinValue, 0, int.MaxValue, -1 }));
        Assert.That(unsigned, Is.EqualTo(new ulong[] { 3000000000, 0, 0, uint.MaxValue, 0 }));
        Assert.That(wide, Is.EqualTo(new ulong[] { 3000000000, 0, 0, ulong.MaxValue, 0 }));
    }

    [Test]
    public void Integers_become_numbers_with_one_rounding()
    {
        var integers = Values.Integers(64, Count)[0];
        var signed = PureInstruction.Evaluate("cvt.rn.f32.s64 %result, %a;", 32, 64, integers);
        var unsigned = PureInstruction.Evaluate("cvt.rn.f64.u64 %result, %a;", 64, 64, integers);
        for (var i = 0; i < Count; i++)
        {
            // Through decimal digits: parsing rounds once.
            var culture = System.Globalization.CultureInfo.InvariantCulture;
            Assert.That(Single(signed[i]), Is.EqualTo(float.Parse(((long)integers[i]).ToString(culture), culture)));
            Assert.That(
                BitConverter.UInt64BitsToDouble(unsigned[i]),
                Is.EqualTo(double.Parse(integers[i].ToString(culture), culture))
            );
        }
    }

    [Test]
    public void Loads_and_stores_convert_to_the_width_of_the_register()
    {
        using var device = new TestDevice();
        var source = device.Upload<sbyte>(-5);
        var result = device.New<int>(4);
        device.Run(
            Ptx.Kernel(
                2,
                """
                    ld.global.s8 %r5, [%rd0];
                    ld.global.u8 %r6, [%rd0];
                    ld.global.s8 %h5, [%rd0];
                    cvt.u32.u16 %r7, %h5;
                    ld.global.s8 %rd30, [%rd0];
                    shr.u64 %rd30, %rd30, 32;
                    st.global.v4.u32 [%rd1], {%r5, %r6, %r7, %rd30};
                """
            ),
            new(1),
            new(1),
            source,
            result
        );
        Assert.That(device.Download<int>(result, 4), Is.EqualTo(new[] { -5, 251, 0xfffb, -1 }));
    }
}
