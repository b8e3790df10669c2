// The instructions that kernels execute most. The interpreter's loop computes them itself, instead of calling a function.

namespace FlowBP.Cuda.Interpreter.Decoding;

internal static class FastOperations
{
    private static readonly Dictionary<string, Operation> s_byOpcode = new()
    {
        ["add.s32"] = Operation.Add32,
        ["add.u32"] = Operation.Add32,
        ["add.s64"] = Operation.Add64,
        ["add.u64"] = Operation.Add64,
        ["sub.s32"] = Operation.Subtract32,
        ["sub.u32"] = Operation.Subtract32,
        ["mul.lo.s32"] = Operation.MultiplyLow32,
        ["mul.lo.u32"] = Operation.MultiplyLow32,
        ["mad.lo.s32"] = Operation.MultiplyAddLow32,
        ["mad.lo.u32"] = Operation.MultiplyAddLow32,
        ["mul.wide.s32"] = Operation.MultiplyWideSigned32,
        ["mul.wide.u32"] = Operation.MultiplyWideUnsigned32,
        ["and.b32"] = Operation.And,
        ["and.b64"] = Operation.And,
        ["and.pred"] = Operation.And,
        ["or.b32"] = Operation.Or,
        ["or.b64"] = Operation.Or,
        ["or.pred"] = Operation.Or,
        ["shl.b32"] = Operation.ShiftLeft32,
        ["shl.b64"] = Operation.ShiftLeft64,
        ["shr.u32"] = Operation.ShiftRight32,
        ["add.f32"] = Operation.AddSingle,
        ["add.rn.f32"] = Operation.AddSingle,
        ["sub.f32"] = Operation.SubtractSingle,
        ["sub.rn.f32"] = Operation.SubtractSingle,
        ["mul.f32"] = Operation.MultiplySingle,
        ["mul.rn.f32"] = Operation.MultiplySingle,
        ["fma.rn.f32"] = Operation.MultiplyAddSingle,
        ["setp.lt.s32"] = Operation.LessSigned32,
        ["setp.eq.s32"] = Operation.EqualBits,
        ["setp.eq.u32"] = Operation.EqualBits,
        ["setp.eq.b32"] = Operation.EqualBits,
        ["setp.eq.s64"] = Operation.EqualBits,
        ["setp.ne.s32"] = Operation.UnequalBits,
        ["setp.ne.u32"] = Operation.UnequalBits,
        ["setp.ne.b32"] = Operation.UnequalBits,
        ["setp.ne.s64"] = Operation.UnequalBits,
        ["cvt.u64.u32"] = Operation.Move,
    };

    /// <summary>The operation that an opcode is; null if it has to be called.</summary>
    internal static Operation? Find(string opcode) =>
        s_byOpcode.TryGetValue(opcode, out var operation) ? operation : null;
}
