// Which parameters of a kernel are pointers. PTX doesn't say; but what goes from a parameter into cvta.to.global is one. A
// launch is checked for it: arguments in the wrong order, or of the wrong size, rarely look like addresses of allocations.

using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter.Decoding;

internal static class PointerParameters
{
    /// <summary>Marks the pointers among a kernel's parameters.</summary>
    internal static void Find(FunctionCode code)
    {
        var loaded = new Dictionary<string, KernelParameter>();
        foreach (var instruction in code.Function.Instructions)
        {
            if (
                instruction.Opcode is "ld.param.u64" or "ld.param.b64"
                && instruction.Operands is [NameOperand register, AddressOperand { Offset: 0, Place: NameOperand name }]
                && code.KernelParameters.Find(p => p.Name == name.Name && p.Bytes == 8) is { } parameter
            )
            {
                loaded[register.Name] = parameter;
            }
            else if (
                instruction.Opcode == "cvta.to.global.u64"
                && instruction.Operands is [_, NameOperand pointer]
                && loaded.TryGetValue(pointer.Name, out var taken)
            )
            {
                taken.IsPointer = true;
            }
        }
    }
}
