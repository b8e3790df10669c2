using System.Numerics;

namespace FlowBP.Cuda.Interpreter.Tests;

public class IntegerInstructionTests
{
    private const int Count = 300;

    private static readonly (string Instruction, Func<int, int, int, int> Expected)[] s_signed =
    [
        ("add.s32 %result, %a, %b;", (a, b, _) => a + b),
        ("sub.s32 %result, %a, %b;", (a, b, _) => a - b),
        ("mul.lo.s32 %result, %a, %b;", (a, b, _) => a * b),
        ("mul.hi.s32 %result, %a, %b;", (a, b, _) => (int)(((long)a * b) >> 32)),
        ("mad.lo.s32 %result, %a, %b, %c;", (a, b, c) => (a * b) + c),
        ("add.sat.s32 %result, %a, %b;", (a, b, _) => (int)Math.Clamp((long)a + b, int.MinValue, int.MaxValue)),
        ("sub.sat.s32 %result, %a, %b;", (a, b, _) => (int)Math.Clamp((long)a - b, int.MinValue, int.MaxValue)),
        ("min.s32 %result, %a, %b;", (a, b, _) => Math.Min(a, b)),
        ("max.s32 %result, %a, %b;", (a, b, _) => Math.Max(a, b)),
        ("abs.s32 %result, %a;", (a, _, _) => a == int.MinValue ? a : Math.Abs(a)),
        ("neg.s32 %result, %a;", (a, _, _) => -a),
        ("shr.s32 %result, %a, %b;", (a, b, _) => (uint)b > 31 ? a >> 31 : a >> b),
        ("sad.s32 %result, %a, %b, %c;", (a, b, c) => (int)(c + Math.Abs((long)a - b))),
        ("slct.s32.s32 %result, %a, %b, %c;", (a, b, c) => c >= 0 ? a : b),
        ("mul24.lo.s32 %result, %a, %b;", (a, b, _) => (int)((long)(a << 8 >> 8) * (b << 8 >> 8))),
        ("cvt.s32.s8 %result, %a;", (a, _, _) => (sbyte)a),
        ("cvt.s32.s16 %result, %a;", (a, _, _) => (short)a),
        ("cvt.s8.s32 %result, %a;", (a, _, _) => (sbyte)a),
        ("cvt.sat.s8.s32 %result, %a;", (a, _, _) => Math.Clamp(a, sbyte.MinValue, sbyte.MaxValue)),
        ("cvt.sat.u8.s32 %result, %a;", (a, _, _) => Math.Clamp(a, 0, 255)),
        (
            "bfind.s32 %result, %a;",
            (a, _, _) => a is 0 or -1 ? -1 : 31 - BitOperations.LeadingZeroCount((uint)(a < 0 ? ~a : a))
        ),
    ];

    private static readonly (string Instruction, Func<uint, uint, uint, uint> Expected)[] s_unsigned =
    [
        ("mul.hi.u32 %result, %a, %b;", (a, b, _) => (uint)(((ulong)a * b) >> 32)),
        ("min.u32 %result, %a, %b;", (a, b, _) => Math.Min(a, b)),
        ("max.u32 %result, %a, %b;", (a, b, _) => Math.Max(a, b)),
        ("and.b32 %result, %a, %b;", (a, b, _) => a & b),
        ("or.b32 %result, %a, %b;", (a, b, _) => a | b),
        ("xor.b32 %result, %a, %b;", (a, b, _) => a ^ b),
        ("not.b32 %result, %a;", (a, _, _) => ~a),
        ("cnot.b32 %result, %a;", (a, _, _) => a == 0 ? 1u : 0),
        ("shl.b32 %result, %a, %b;", (a, b, _) => b > 31 ? 0 : a << (int)b),
        ("shr.u32 %result, %a, %b;", (a, b, _) => b > 31 ? 0 : a >> (int)b),
        ("sad.u32 %result, %a, %b, %c;", (a, b, c) => c + (a > b ? a - b : b - a)),
        ("popc.b32 %result, %a;", (a, _, _) => (uint)BitOperations.PopCount(a)),
        ("clz.b32 %result, %a;", (a, _, _) => (uint)BitOperations.LeadingZeroCount(a)),
        ("brev.b32 %result, %a;", (a, _, _) => Reversed(a)),
        ("bfind.u32 %result, %a;", (a, _, _) => a == 0 ? uint.MaxValue : (uint)BitOperations.Log2(a)),
        (
            "bfind.shiftamt.u32 %result, %a;",
            (a, _, _) => a == 0 ? uint.MaxValue : (uint)BitOperations.LeadingZeroCount(a)
        ),
        ("shf.l.wrap.b32 %result, %a, %b, %c;", (a, b, c) => (uint)(((((ulong)b << 32) | a) << (int)(c & 31)) >> 32)),
        (
            "shf.l.clamp.b32 %result, %a, %b, %c;",
            (a, b, c) => c >= 32 ? a : (uint)(((((ulong)b << 32) | a) << (int)c) >> 32)
        ),
        ("shf.r.wrap.b32 %result, %a, %b, %c;", (a, b, c) => (uint)((((ulong)b << 32) | a) >> (int)(c & 31))),
        ("shf.r.clamp.b32 %result, %a, %b, %c;", (a, b, c) => c >= 32 ? b : (uint)((((ulong)b << 32) | a) >> (int)c)),
        ("lop3.b32 %result, %a, %b, %c, 0xE8;", (a, b, c) => (a & b) | (a & c) | (b & c)),
        ("lop3.b32 %result, %a, %b, %c, 0x96;", (a, b, c) => a ^ b ^ c),
        (
            "prmt.b32 %result, %a, %b, 0x3175;",
            (a, b, _) => (b >> 8 & 0xff) | ((b >> 24) << 8) | (a >> 8 & 0xff) << 16 | (a >> 24) << 24
        ),
        ("bfi.b32 %result, %a, %b, 5, 9;", (a, b, _) => (b & ~(511u << 5)) | ((a & 511) << 5)),
        ("bfi.b32 %result, %a, %b, 28, 9;", (a, b, _) => (b & 0x0fffffff) | (a << 28)),
        ("bfe.u32 %result, %a, 5, 9;", (a, _, _) => (a >> 5) & 511),
        ("bfe.u32 %result, %a, 28, 9;", (a, _, _) => a >> 28),
        ("selp.b32 %result, %a, %b, 1;", (a, _, _) => a),
        ("set.gt.u32.u32 %result, %a, %b;", (a, b, _) => a > b ? uint.MaxValue : 0),
    ];

    private static IEnumerable<TestCaseData> Signed() =>
        s_signed.Select(c => new TestCaseData(c.Instruction, c.Expected).SetArgDisplayNames(c.Instruction));

    private static IEnumerable<TestCaseData> Unsigned() =>
        s_unsigned.Select(c => new TestCaseData(c.Instruction, c.Expected).SetArgDisplayNames(c.Instruction));

    [TestCaseSource(nameof(Signed))]
    public void Signed_32_bits(string instruction, Func<int, int, int, int> expected)
    {
        var operands = Values.Integers(32, Count);
        var results = PureInstruction.Evaluate(instruction, 32, 32, operands);
        for (var i = 0; i < Count; i++)
        {
            var (a, b, c) = ((int)operands[0][i], (int)operands[1][i], (int)operands[2][i]);
            Assert.That((int)results[i], Is.EqualTo(expected(a, b, c)), $"{a}, {b}, {c}");
        }
    }

    [TestCaseSource(nameof(Unsigned))]
    public void Unsigned_32_bits(string instruction, Func<uint, uint, uint, uint> expected)
    {
        var operands = Values.Integers(32, Count);
        var results = PureInstruction.Evaluate(instruction, 32, 32, operands);
        for (var i = 0; i < Count; i++)
        {
            var (a, b, c) = ((uint)operands[0][i], (uint)operands[1][i], (uint)operands[2][i]);
            Assert.That(results[i], Is.EqualTo((ulong)expected(a, b, c)), $"0x{a:x}, 0x{b:x}, 0x{c:x}");
        }
    }

    private static readonly (string Instruction, Func<long, long, long> Expected)[] s_wide =
    [
        ("add.s64 %result, %a, %b;", (a, b) => a + b),
        ("sub.s64 %result, %a, %b;", (a, b) => a - b),
        ("mul.lo.s64 %result, %a, %b;", (a, b) => a * b),
        ("mul.hi.s64 %result, %a, %b;", (a, b) => (long)(((Int128)a * b) >> 64)),
        ("mul.hi.u64 %result, %a, %b;", (a, b) => (long)(ulong)(((UInt128)(ulong)a * (ulong)b) >> 64)),
        ("min.s64 %result, %a, %b;", Math.Min),
        ("max.u64 %result, %a, %b;", (a, b) => (long)Math.Max((ulong)a, (ulong)b)),
        ("neg.s64 %result, %a;", (a, _) => -a),
        ("abs.s64 %result, %a;", (a, _) => a == long.MinValue ? a : Math.Abs(a)),
        ("brev.b64 %result, %a;", (a, _) => (long)(((ulong)Reversed((uint)a) << 32) | Reversed((uint)(a >> 32)))),
        ("bfe.s64 %result, %a, 60, 8;", (a, _) => a >> 60),
        ("bfe.s64 %result, %a, 3, 7;", (a, _) => a << 54 >> 57),
        ("cvt.s64.s32 %result, %a;", (a, _) => (int)a),
        ("cvt.u64.u16 %result, %a;", (a, _) => (ushort)a),
    ];

    private static IEnumerable<TestCaseData> Wide() =>
        s_wide.Select(c => new TestCaseData(c.Instruction, c.Expected).SetArgDisplayNames(c.Instruction));

    [TestCaseSource(nameof(Wide))]
    public void Integers_of_64_bits(string instruction, Func<long, long, long> expected)
    {
        var operands = Values.Integers(64, Count);
        var results = PureInstruction.Evaluate(instruction, 64, 64, operands);
        for (var i = 0; i < Count; i++)
        {
            var (a, b) = ((long)operands[0][i], (long)operands[1][i]);
            Assert.That((long)results[i], Is.EqualTo(expected(a, b)), $"{a}, {b}");
        }
    }

    [Test]
    public void Products_are_as_wide_as_both_factors()
    {
        var operands = Values.Integers(32, Count);
        var addends = Values.Integers(64, Count)[0];
        var (a, b) = (operands[0], operands[1]);
        var signed = PureInstruction.Evaluate("mul.wide.s32 %result, %a, %b;", 64, 32, a, b);
        var unsigned = PureInstruction.Evaluate("mul.wide.u32 %result, %a, %b;", 64, 32, a, b);
        var added = PureInstruction.Evaluate("mad.wide.s32 %result, %a, -3, %c;", 64, (32, a), (32, b), (64, addends));
        for (var i = 0; i < Count; i++)
        {
            Assert.That((long)signed[i], Is.EqualTo((long)(int)a[i] * (int)b[i]));
            Assert.That(unsigned[i], Is.EqualTo(a[i] * b[i]));
            Assert.That((long)added[i], Is.EqualTo(((long)(int)a[i] * -3) + (long)addends[i]));
        }
    }

    [Test]
    public void Division_truncates_towards_zero()
    {
        var operands = Values.Integers(32, Count);
        var divisors = operands[1].Select(b => b == 0 ? 3 : b).ToArray();
        var quotients = PureInstruction.Evaluate("div.s32 %result, %a, %b;", 32, 32, operands[0], divisors);
        var remainders = PureInstruction.Evaluate("rem.s32 %result, %a, %b;", 32, 32, operands[0], divisors);
        var unsigned = PureInstruction.Evaluate("div.u32 %result, %a, %b;", 32, 32, operands[0], divisors);
        for (var i = 0; i < Count; i++)
        {
            var (a, b) = ((long)(int)operands[0][i], (long)(int)divisors[i]);
            Assert.That((int)quotients[i], Is.EqualTo((int)(a / b)), $"{a} / {b}");
            Assert.That((int)remainders[i], Is.EqualTo((int)(a % b)), $"{a} % {b}");
            Assert.That(unsigned[i], Is.EqualTo(operands[0][i] / divisors[i]));
        }
    }

    [TestCase("div.s32")]
    [TestCase("rem.u32")]
    public void Division_by_zero_is_found(string opcode) =>
        Assert.That(
            () => PureInstruction.Evaluate($"{opcode} %result, %a, %b;", 32, 32, [5], [0]),
            Throws
                .TypeOf<InterpreterException>()
                .With.Property(nameof(InterpreterException.Finding))
                .EqualTo(Finding.DivisionByZero)
        );

    [TestCase("eq.s32", 5u, 5u, true)]
    [TestCase("ne.s32", 5u, 5u, false)]
    [TestCase("lt.s32", 0xffffffffu, 1u, true)]
    [TestCase("lt.u32", 0xffffffffu, 1u, false)]
    [TestCase("lo.s32", 0xffffffffu, 1u, false)]
    [TestCase("hs.u32", 0xffffffffu, 1u, true)]
    [TestCase("ge.s32", 0x80000000u, 0u, false)]
    [TestCase("gt.u32", 0x80000000u, 0u, true)]
    public void Comparisons_know_signs(string comparison, uint a, uint b, bool expected) =>
        Assert.That(
            PureInstruction.Evaluate($"setp.{comparison} %result, %a, %b;", 1, 32, [a], [b])[0],
            Is.EqualTo(expected ? 1UL : 0)
        );

    [Test]
    public void A_comparison_joins_a_third_operand_and_writes_its_negation()
    {
        ulong[] a = [1, 1, 2, 2];
        ulong[] b = [2, 2, 1, 1];
        ulong[] c = [0, 1, 0, 1];
        var first = PureInstruction.Evaluate("setp.lt.and.s32 %result|%p9, %a, %b, %c;", 1, (32, a), (32, b), (1, c));
        var second = PureInstruction.Evaluate("setp.lt.xor.s32 %p9|%result, %a, %b, !%c;", 1, (32, a), (32, b), (1, c));
        Assert.That(first, Is.EqualTo(new ulong[] { 0, 1, 0, 0 }));
        Assert.That(second, Is.EqualTo(new ulong[] { 1, 0, 0, 1 }));
    }

    [Test]
    public void Registers_are_packed_and_unpacked()
    {
        var packed = PureInstruction.Evaluate("mov.b64 %result, {%a, %b};", 64, 32, [0x11223344], [0xaabbccdd]);
        var unpacked = PureInstruction.Evaluate(
            "{ .reg .b16 %low; mov.b32 {%low, %h3}, %a; cvt.u32.u16 %result, %h3; }",
            32,
            32,
            [0xaabb1122]
        );
        Assert.That(packed[0], Is.EqualTo(0xaabbccdd11223344));
        Assert.That(unpacked[0], Is.EqualTo(0xaabbUL));
    }

    private static uint Reversed(uint a)
    {
        var result = 0u;
        for (var i = 0; i < 32; i++)
        {
            result = (result << 1) | ((a >> i) & 1);
        }
        return result;
    }
}
