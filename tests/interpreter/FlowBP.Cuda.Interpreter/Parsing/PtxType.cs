// The fundamental types of PTX: how wide a value is, and how it is extended when it goes into a wider register.

namespace FlowBP.Cuda.Interpreter.Parsing;

internal enum PtxTypeKind
{
    Bits,
    Unsigned,
    Signed,
    Float,
    BFloat,
    Predicate,
}

/// <param name="Name">Without the dot.</param>
/// <param name="Kind">How its bits are read.</param>
/// <param name="Bits">Width of the whole value; 1 for a predicate.</param>
/// <param name="Lanes">2 for the packed types f16x2 and bf16x2.</param>
internal readonly record struct PtxType(string Name, PtxTypeKind Kind, int Bits, int Lanes = 1)
{
    private static readonly Dictionary<string, PtxType> s_byName = new PtxType[]
    {
        new("pred", PtxTypeKind.Predicate, 1),
        new("b8", PtxTypeKind.Bits, 8),
        new("b16", PtxTypeKind.Bits, 16),
        new("b32", PtxTypeKind.Bits, 32),
        new("b64", PtxTypeKind.Bits, 64),
        new("u8", PtxTypeKind.Unsigned, 8),
        new("u16", PtxTypeKind.Unsigned, 16),
        new("u32", PtxTypeKind.Unsigned, 32),
        new("u64", PtxTypeKind.Unsigned, 64),
        new("s8", PtxTypeKind.Signed, 8),
        new("s16", PtxTypeKind.Signed, 16),
        new("s32", PtxTypeKind.Signed, 32),
        new("s64", PtxTypeKind.Signed, 64),
        new("f16", PtxTypeKind.Float, 16),
        new("f16x2", PtxTypeKind.Float, 32, 2),
        new("f32", PtxTypeKind.Float, 32),
        new("f64", PtxTypeKind.Float, 64),
        new("bf16", PtxTypeKind.BFloat, 16),
        new("bf16x2", PtxTypeKind.BFloat, 32, 2),
    }.ToDictionary(type => type.Name);

    internal int Bytes => (Bits + 7) / 8;

    internal bool IsSigned => Kind == PtxTypeKind.Signed;

    internal bool IsFloat => Kind is PtxTypeKind.Float or PtxTypeKind.BFloat;

    internal bool IsInteger => Kind is PtxTypeKind.Bits or PtxTypeKind.Unsigned or PtxTypeKind.Signed;

    /// <summary>All ones in the bits of the value.</summary>
    internal ulong Mask => Bits == 64 ? ulong.MaxValue : (1UL << Bits) - 1;

    internal static bool TryParse(string name, out PtxType type) => s_byName.TryGetValue(name, out type);

    public override string ToString() => "." + Name;
}
