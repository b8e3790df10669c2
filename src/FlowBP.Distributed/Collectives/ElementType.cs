namespace FlowBP.Distributed;

/// <summary>Type of the elements that a collective works on.</summary>
public enum ElementType
{
    /// <summary>Bytes, unsigned.</summary>
    UInt8,

    /// <summary>64-bit integers, signed.</summary>
    Int64,

    /// <summary>IEEE 754 half precision, 16 bits.</summary>
    Float16,

    /// <summary>The upper 16 bits of a single-precision number.</summary>
    BFloat16,

    /// <summary>IEEE 754 single precision.</summary>
    Float32,

    /// <summary>IEEE 754 double precision.</summary>
    Float64,
}

/// <summary>Sizes of element types.</summary>
public static class ElementTypes
{
    /// <summary>Bytes of one element.</summary>
    /// <param name="type">Its type.</param>
    /// <exception cref="ArgumentOutOfRangeException">No such type.</exception>
    public static int Bytes(this ElementType type) =>
        type switch
        {
            ElementType.UInt8 => 1,
            ElementType.Float16 or ElementType.BFloat16 => 2,
            ElementType.Float32 => 4,
            ElementType.Int64 or ElementType.Float64 => 8,
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "no such type of elements"),
        };
}
