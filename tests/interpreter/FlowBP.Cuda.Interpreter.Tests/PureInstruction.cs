// One instruction, applied to many operands: one thread for each.

namespace FlowBP.Cuda.Interpreter.Tests;

internal static class PureInstruction
{
    /// <summary>Results of an instruction.</summary>
    /// <param name="instruction">With the operands %result, %a, %b, %c and %d where they belong.</param>
    /// <param name="resultBits">Width of the result; 1 for a predicate.</param>
    /// <param name="operandBits">Width of the operands; 1 for predicates.</param>
    /// <param name="operands">Values of %a, then of %b …, one for each thread.</param>
    public static ulong[] Evaluate(string instruction, int resultBits, int operandBits, params ulong[][] operands) =>
        Evaluate(instruction, resultBits, [.. operands.Select(values => (operandBits, values))]);

    public static ulong[] Evaluate(string instruction, int resultBits, params (int Bits, ulong[] Values)[] operands)
    {
        using var device = new TestDevice();
        var count = operands[0].Values.Length;
        var result = device.New<ulong>(count);
        var body = $"{Declaration(resultBits, "%result")}\n";
        var arguments = new List<long> { result };
        for (var i = 0; i < operands.Length; i++)
        {
            var (bits, values) = operands[i];
            var name = "%" + "abcd"[i];
            body += $"""
                {Declaration(bits, name)}
                mad.wide.u32 %rd40, %r1, 8, %rd{i + 1};
                {Load(bits, name)}

                """;
            arguments.Add(device.Upload<ulong>(values));
        }
        body += $"""
            {instruction}
            mad.wide.u32 %rd41, %r1, 8, %rd0;
            mov.u64 %rd42, 0;
            st.global.u64 [%rd41], %rd42;
            {Store(resultBits)}
            """;
        device.Run(Ptx.Kernel(operands.Length + 1, body), new(count), new(1), arguments.ToArray());
        return device.Download<ulong>(result, count);
    }

    private static string Declaration(int bits, string name) =>
        bits == 1 ? $".reg .pred {name};" : $".reg .b{bits} {name};";

    private static string Load(int bits, string name) =>
        bits == 1
            ? $"ld.global.u32 %r20, [%rd40]; setp.ne.u32 {name}, %r20, 0;"
            : $"ld.global.b{bits} {name}, [%rd40];";

    private static string Store(int bits) =>
        bits == 1
            ? "selp.u32 %r20, 1, 0, %result; st.global.u32 [%rd41], %r20;"
            : $"st.global.b{bits} [%rd41], %result;";
}
