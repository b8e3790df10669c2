namespace FlowBP.Cuda.Interpreter.Tests;

public class FloatInstructionTests
{
    private const int Count = 600;

    private static float Single(ulong bits) => BitConverter.UInt32BitsToSingle((uint)bits);

    private static double Double(ulong bits) => BitConverter.UInt64BitsToDouble(bits);

    private static float Half(ulong bits) => (float)BitConverter.UInt16BitsToHalf((ushort)bits);

    private static float BFloat(ulong bits) => Single(bits << 16);

    private static readonly (string Instruction, Func<float, float, float, float> Expected)[] s_singles =
    [
        ("add.rn.f32 %result, %a, %b;", (a, b, _) => a + b),
        ("add.f32 %result, %a, %b;", (a, b, _) => a + b),
        ("sub.rn.f32 %result, %a, %b;", (a, b, _) => a - b),
        ("mul.rn.f32 %result, %a, %b;", (a, b, _) => a * b),
        ("div.rn.f32 %result, %a, %b;", (a, b, _) => a / b),
        ("fma.rn.f32 %result, %a, %b, %c;", MathF.FusedMultiplyAdd),
        ("sqrt.rn.f32 %result, %a;", (a, _, _) => MathF.Sqrt(a)),
        ("rcp.rn.f32 %result, %a;", (a, _, _) => 1 / a),
        ("min.f32 %result, %a, %b;", (a, b, _) => float.MinNumber(a, b)),
        ("max.f32 %result, %a, %b;", (a, b, _) => float.MaxNumber(a, b)),
        ("max.NaN.f32 %result, %a, %b;", (a, b, _) => MathF.Max(a, b)),
        ("abs.f32 %result, %a;", (a, _, _) => MathF.Abs(a)),
        ("neg.f32 %result, %a;", (a, _, _) => -a),
        ("copysign.f32 %result, %a, %b;", (a, b, _) => MathF.CopySign(b, a)),
        ("add.ftz.f32 %result, %a, %b;", (a, b, _) => Flushed(Flushed(a) + Flushed(b))),
        ("mul.ftz.f32 %result, %a, %b;", (a, b, _) => Flushed(Flushed(a) * Flushed(b))),
        ("add.sat.f32 %result, %a, %b;", (a, b, _) => Saturated(a + b)),
        ("cvt.rni.f32.f32 %result, %a;", (a, _, _) => MathF.Round(a)),
        ("cvt.rzi.f32.f32 %result, %a;", (a, _, _) => MathF.Truncate(a)),
        ("cvt.rmi.f32.f32 %result, %a;", (a, _, _) => MathF.Floor(a)),
        ("cvt.rpi.f32.f32 %result, %a;", (a, _, _) => MathF.Ceiling(a)),
        ("cvt.sat.f32.f32 %result, %a;", (a, _, _) => Saturated(a)),
        ("slct.f32.f32 %result, %a, %b, %c;", (a, b, c) => c >= 0 ? a : b),
    ];

    private static float Flushed(float value) => float.IsSubnormal(value) ? MathF.CopySign(0, value) : value;

    // Neither NaN nor −0 is left.
    private static float Saturated(float value) => value > 0 ? MathF.Min(value, 1) : 0;

    private static IEnumerable<TestCaseData> SingleCases() =>
        s_singles.Select(c => new TestCaseData(c.Instruction, c.Expected).SetArgDisplayNames(c.Instruction));

    /// <summary>Compares bits, so that −0 isn't 0; any NaN is as good as another.</summary>
    [TestCaseSource(nameof(SingleCases))]
    public void Single_precision(string instruction, Func<float, float, float, float> expected)
    {
        var operands = Values.Singles(Count);
        var results = PureInstruction.Evaluate(instruction, 32, 32, operands);
        for (var i = 0; i < Count; i++)
        {
            var (a, b, c) = (Single(operands[0][i]), Single(operands[1][i]), Single(operands[2][i]));
            var (actual, wanted) = (Single(results[i]), expected(a, b, c));
            if (!(float.IsNaN(actual) && float.IsNaN(wanted)))
            {
                Assert.That(
                    (uint)results[i],
                    Is.EqualTo(BitConverter.SingleToUInt32Bits(wanted)),
                    $"{a:g9}, {b:g9}, {c:g9}"
                );
            }
        }
    }

    private static readonly (string Instruction, Func<double, double, double, double> Expected)[] s_doubles =
    [
        ("add.rn.f64 %result, %a, %b;", (a, b, _) => a + b),
        ("sub.f64 %result, %a, %b;", (a, b, _) => a - b),
        ("mul.rn.f64 %result, %a, %b;", (a, b, _) => a * b),
        ("div.rn.f64 %result, %a, %b;", (a, b, _) => a / b),
        ("fma.rn.f64 %result, %a, %b, %c;", Math.FusedMultiplyAdd),
        ("sqrt.rn.f64 %result, %a;", (a, _, _) => Math.Sqrt(a)),
        ("rcp.rn.f64 %result, %a;", (a, _, _) => 1 / a),
        ("min.f64 %result, %a, %b;", (a, b, _) => double.MinNumber(a, b)),
        ("max.f64 %result, %a, %b;", (a, b, _) => double.MaxNumber(a, b)),
        ("abs.f64 %result, %a;", (a, _, _) => Math.Abs(a)),
        ("cvt.rni.f64.f64 %result, %a;", (a, _, _) => Math.Round(a)),
    ];

    private static IEnumerable<TestCaseData> DoubleCases() =>
        s_doubles.Select(c => new TestCaseData(c.Instruction, c.Expected).SetArgDisplayNames(c.Instruction));

    [TestCaseSource(nameof(DoubleCases))]
    public void Double_precision(string instruction, Func<double, double, double, double> expected)
    {
        var operands = Values.Doubles(Count);
        var results = PureInstruction.Evaluate(instruction, 64, 64, operands);
        for (var i = 0; i < Count; i++)
        {
            var (a, b, c) = (Double(operands[0][i]), Double(operands[1][i]), Double(operands[2][i]));
            var (actual, wanted) = (Double(results[i]), expected(a, b, c));
            if (!(double.IsNaN(actual) && double.IsNaN(wanted)))
            {
                Assert.That(
                    results[i],
                    Is.EqualTo(BitConverter.DoubleToUInt64Bits(wanted)),
                    $"{a:g17}, {b:g17}, {c:g17}"
                );
            }
        }
    }

    [Test]
    public void Single_precision_instructions_return_one_NaN()
    {
        var sum = PureInstruction.Evaluate("add.f32 %result, %a, %b;", 32, 32, [0xffc12345], [0x3f800000])[0];
        Assert.That(sum, Is.EqualTo(0x7fffffffUL));
    }

    // The operations of directed rounding, with their exact values.
    private static readonly (string Opcode, Func<Rational, Rational, Rational, Rational> Exact)[] s_exact =
    [
        ("add", (a, b, _) => a + b),
        ("sub", (a, b, _) => a - b),
        ("mul", (a, b, _) => a * b),
        ("div", (a, b, _) => a / b),
        ("fma", (a, b, c) => (a * b) + c),
    ];

    private static Func<Rational, Rational, Rational, Rational> ExactOf(string opcode) =>
        s_exact.Single(operation => operation.Opcode == opcode).Exact;

    private static IEnumerable<TestCaseData> DirectedCases() =>
        from operation in s_exact
        from mode in new[] { "rz", "rm", "rp" }
        select new TestCaseData(operation.Opcode, mode);

    [TestCaseSource(nameof(DirectedCases))]
    public void Directed_rounding_gives_the_neighbour_in_its_direction(string opcode, string mode)
    {
        var exact = ExactOf(opcode);
        var operands = Values.ModerateSingles(300, seed: 5);
        var third = opcode == "fma" ? ", %c" : "";
        var results = PureInstruction.Evaluate($"{opcode}.{mode}.f32 %result, %a, %b{third};", 32, 32, operands);
        for (var i = 0; i < results.Length; i++)
        {
            var x = exact(Exact(operands[0][i]), Exact(operands[1][i]), Exact(operands[2][i]));
            AssertRounded(Single(results[i]), x, mode, MathF.BitIncrement, MathF.BitDecrement);
        }
    }

    private static Rational Exact(ulong bits) => Rational.Of(Single(bits));

    [TestCase("rz")]
    [TestCase("rm")]
    [TestCase("rp")]
    public void Square_roots_round_in_their_direction(string mode)
    {
        var operands = Values.ModerateSingles(300, seed: 6)[0].Select(a => a & 0x7fffffff).ToArray();
        var results = PureInstruction.Evaluate($"sqrt.{mode}.f32 %result, %a;", 32, 32, operands);
        for (var i = 0; i < results.Length; i++)
        {
            var root = Single(results[i]);
            var (low, high) = mode == "rp" ? (MathF.BitDecrement(root), root) : (root, MathF.BitIncrement(root));
            var radicand = Exact(operands[i]);
            var (below, above) = (Rational.Of(low) * Rational.Of(low), Rational.Of(high) * Rational.Of(high));
            Assert.That(mode == "rp" ? below < radicand && radicand <= above : below <= radicand && radicand < above);
        }
    }

    private static IEnumerable<TestCaseData> NarrowCases() =>
        from operation in s_exact.Where(o => o.Opcode != "div")
        from type in new[] { "f16", "bf16" }
        where type == "f16" || operation.Opcode == "fma"
        select new TestCaseData(operation.Opcode, type);

    [TestCaseSource(nameof(NarrowCases))]
    public void Formats_of_16_bits_round_once_to_nearest(string opcode, string type)
    {
        var exact = ExactOf(opcode);
        Func<ulong, float> read = type == "f16" ? Half : BFloat;
        var random = new Random(7);
        // Exponents that neither overflow nor underflow, close enough for sums to round.
        var (sign, shift, middle) = type == "f16" ? (0x8000, 10, 13) : (0x8000, 7, 125);
        ulong Next() =>
            (ulong)((random.Next(2) * sign) | (random.Next(middle - 6, middle + 6) << shift) | random.Next(1 << shift));
        var operands = Enumerable
            .Range(0, 3)
            .Select(_ => Enumerable.Range(0, 400).Select(_ => Next()).ToArray())
            .ToArray();
        var third = opcode == "fma" ? ", %c" : "";
        var results = PureInstruction.Evaluate($"{opcode}.rn.{type} %result, %a, %b{third};", 16, 16, operands);
        for (var i = 0; i < results.Length; i++)
        {
            var x = exact(
                Rational.Of(read(operands[0][i])),
                Rational.Of(read(operands[1][i])),
                Rational.Of(read(operands[2][i]))
            );
            float Neighbour(float value, int step) =>
                value == 0 ? step * read(1) : read((ulong)((long)results[i] + (value > 0 ? step : -step)));
            AssertRounded(read(results[i]), x, "rn", value => Neighbour(value, 1), value => Neighbour(value, -1));
        }
    }

    private static void AssertRounded(
        float result,
        Rational exact,
        string mode,
        Func<float, float> increment,
        Func<float, float> decrement
    )
    {
        var rounded = Rational.Of(result);
        var (below, above) = (Rational.Of(decrement(result)), Rational.Of(increment(result)));
        var error = (rounded - exact).Magnitude;
        var isRight = mode switch
        {
            "rm" => rounded <= exact && exact < above,
            "rp" => below < exact && exact <= rounded,
            "rz" when exact.Numerator.Sign >= 0 => rounded <= exact && exact < above,
            "rz" => below < exact && exact <= rounded,
            _ => error <= (below - exact).Magnitude && error <= (above - exact).Magnitude,
        };
        Assert.That(isRight, $"{result:g9} for {exact}, {mode}");
    }

    [Test]
    public void Packed_halves_are_added_lane_by_lane()
    {
        ulong Pack(float low, float high) =>
            BitConverter.HalfToUInt16Bits((Half)low) | ((ulong)BitConverter.HalfToUInt16Bits((Half)high) << 16);
        var sum = PureInstruction.Evaluate("add.f16x2 %result, %a, %b;", 32, 32, [Pack(1, 2)], [Pack(0.5f, -4)])[0];
        Assert.That(sum, Is.EqualTo(Pack(1.5f, -2)));
    }

    private static readonly (string Opcode, Func<double, double> Exact)[] s_approximate =
    [
        ("ex2.approx.f32", a => Math.Pow(2, a)),
        ("ex2.approx.ftz.f32", a => Math.Pow(2, a)),
        ("lg2.approx.f32", Math.Log2),
        ("rsqrt.approx.f32", a => 1 / Math.Sqrt(a)),
        ("rcp.approx.f32", a => 1 / a),
        ("sqrt.approx.f32", Math.Sqrt),
        ("sin.approx.f32", Math.Sin),
        ("cos.approx.f32", Math.Cos),
        ("tanh.approx.f32", Math.Tanh),
    ];

    private static IEnumerable<TestCaseData> ApproximateCases() =>
        s_approximate.Select(c => new TestCaseData(c.Opcode, c.Exact).SetArgDisplayNames(c.Opcode));

    [TestCaseSource(nameof(ApproximateCases))]
    public void Approximations_are_rounded_correctly(string opcode, Func<double, double> exact)
    {
        var operands = Enumerable
            .Range(1, 200)
            .Select(i => (ulong)BitConverter.SingleToUInt32Bits(i * 0.037f))
            .ToArray();
        var results = PureInstruction.Evaluate($"{opcode} %result, %a;", 32, 32, operands);
        for (var i = 0; i < results.Length; i++)
        {
            Assert.That(Single(results[i]), Is.EqualTo((float)exact(Single(operands[i]))));
        }
    }

    // Each operator with what it says of (1, 2), (2, 2) and (NaN, 2).
    [TestCase("eq", false, true, false)]
    [TestCase("ne", true, false, false)]
    [TestCase("lt", true, false, false)]
    [TestCase("le", true, true, false)]
    [TestCase("gt", false, false, false)]
    [TestCase("ge", false, true, false)]
    [TestCase("equ", false, true, true)]
    [TestCase("neu", true, false, true)]
    [TestCase("ltu", true, false, true)]
    [TestCase("leu", true, true, true)]
    [TestCase("gtu", false, false, true)]
    [TestCase("geu", false, true, true)]
    [TestCase("num", true, true, false)]
    [TestCase("nan", false, false, true)]
    public void Comparisons_know_NaN(string comparison, params bool[] expected)
    {
        ulong Bits(float value) => BitConverter.SingleToUInt32Bits(value);
        var results = PureInstruction.Evaluate(
            $"setp.{comparison}.f32 %result, %a, %b;",
            1,
            32,
            [Bits(1), Bits(2), Bits(float.NaN)],
            [Bits(2), Bits(2), Bits(2)]
        );
        Assert.That(results, Is.EqualTo(expected.Select(value => value ? 1UL : 0)));
    }

    [TestCase("finite", true, false, false, true)]
    [TestCase("infinite", false, true, false, false)]
    [TestCase("number", true, true, false, true)]
    [TestCase("notanumber", false, false, true, false)]
    [TestCase("normal", true, false, false, false)]
    [TestCase("subnormal", false, false, false, true)]
    public void Properties_are_tested(string property, params bool[] expected)
    {
        var results = PureInstruction.Evaluate(
            $"testp.{property}.f32 %result, %a;",
            1,
            32,
            [0x3f800000, 0x7f800000, 0x7fc00000, 0x00000001]
        );
        Assert.That(results, Is.EqualTo(expected.Select(value => value ? 1UL : 0)));
    }
}
