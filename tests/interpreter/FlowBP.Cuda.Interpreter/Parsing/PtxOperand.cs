// Operands as they are written; what the names mean is known only where they are used.

namespace FlowBP.Cuda.Interpreter.Parsing;

internal abstract record PtxOperand;

/// <summary>A register, a special register, a variable, a label or a function; a predicate may be negated.</summary>
internal sealed record NameOperand(string Name, bool Negated = false) : PtxOperand
{
    public override string ToString() => (Negated ? "!" : "") + Name;
}

internal enum LiteralKind
{
    Integer,
    Single,
    Double,
}

/// <summary>A constant: the integer in two's complement, or the bits of the floating-point number.</summary>
internal sealed record LiteralOperand(ulong Bits, LiteralKind Kind) : PtxOperand
{
    public override string ToString() => $"0x{Bits:x}";
}

/// <summary>A vector of registers or constants: {%f1, %f2}.</summary>
internal sealed record VectorOperand(IReadOnlyList<PtxOperand> Elements) : PtxOperand
{
    public override string ToString() => $"{{{string.Join(", ", Elements)}}}";
}

/// <summary>An address: [%rd1+16].</summary>
internal sealed record AddressOperand(PtxOperand Place, long Offset) : PtxOperand
{
    public override string ToString() => $"[{Place}+{Offset}]";
}

/// <summary>Two destinations: %r1|%p2.</summary>
internal sealed record PairOperand(NameOperand First, NameOperand Second) : PtxOperand
{
    public override string ToString() => $"{First}|{Second}";
}

/// <summary>Arguments or results of a call: (param0, param1).</summary>
internal sealed record ListOperand(IReadOnlyList<PtxOperand> Elements) : PtxOperand
{
    public override string ToString() => $"({string.Join(", ", Elements)})";
}
