// PTX texts for tests. Kernels take pointers and integers of 64 bits, %rd0 to %rd9, which are loaded and ready to use.

namespace FlowBP.Cuda.Interpreter.Tests;

internal static class Ptx
{
    public const string Header = """
        .version 7.8
        .target sm_80
        .address_size 64

        """;

    /// <summary>Registers that every kernel below may use.</summary>
    public const string Registers = """
            .reg .pred %p<20>;
            .reg .b16 %h<20>;
            .reg .b32 %r<40>;
            .reg .f32 %f<20>;
            .reg .f64 %d<20>;
            .reg .b64 %rd<60>;

        """;

    /// <summary>
    /// A module with one kernel, named kernel. Its parameters are 64 bits each: the first ten are in %rd0 to %rd9; %r0 is the
    /// thread's number in the block, %r1 in the grid, %rd10 and %rd11 the same in 64 bits; %rd20 to %rd22 are the first
    /// parameters plus 4 times the thread's number in the grid.
    /// </summary>
    public static string Kernel(int parameters, string body, string declarations = "", string directives = "")
    {
        var list = string.Join(", ", Enumerable.Range(0, parameters).Select(i => $".param .u64 p{i}"));
        var loads = Enumerable
            .Range(0, parameters)
            .Select(i => $"    ld.param.u64 %rd{i}, [p{i}];\n")
            .Concat(
                Enumerable
                    .Range(0, Math.Min(parameters, 3))
                    .Select(i => $"    mad.wide.u32 %rd{20 + i}, %r1, 4, %rd{i};\n")
            );
        return $$"""
            {{Header}}
            {{declarations}}
            .visible .entry kernel({{list}})
            {{directives}}
            {
            {{Registers}}
                mov.u32 %r0, %tid.x;
                mov.u32 %r30, %ctaid.x;
                mov.u32 %r31, %ntid.x;
                mad.lo.s32 %r1, %r30, %r31, %r0;
                cvt.u64.u32 %rd10, %r0;
                cvt.u64.u32 %rd11, %r1;
            {{string.Concat(loads)}}
            {{body}}
                ret;
            }
            """;
    }
}
