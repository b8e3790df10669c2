// The element types of the safetensors format that this project reads and writes, each with its name in the header,
// its size, and its counterpart in the tensor library.

namespace FlowBP.Formats;

/// <summary>Element type of a tensor in a safetensors file.</summary>
public enum SafetensorsType
{
    /// <summary>IEEE 754 binary64.</summary>
    F64,

    /// <summary>IEEE 754 binary32.</summary>
    F32,

    /// <summary>IEEE 754 binary16.</summary>
    F16,

    /// <summary>bfloat16: the upper half of a binary32.</summary>
    BF16,

    /// <summary>8 bits: sign, four of exponent, three of fraction, without infinity; read only, as bfloat16.</summary>
    F8_E4M3,

    /// <summary>8 bits: sign, five of exponent, two of fraction; read only, as bfloat16.</summary>
    F8_E5M2,

    /// <summary>Signed 64-bit integer.</summary>
    I64,

    /// <summary>Signed 32-bit integer.</summary>
    I32,

    /// <summary>Signed 16-bit integer.</summary>
    I16,

    /// <summary>Signed byte.</summary>
    I8,

    /// <summary>Unsigned byte.</summary>
    U8,

    /// <summary>One byte per element, zero is false.</summary>
    BOOL,
}

/// <summary>Sizes and conversions of <see cref="SafetensorsType"/>.</summary>
public static class SafetensorsTypes
{
    /// <summary>Bytes per element.</summary>
    public static int Size(this SafetensorsType type) =>
        type switch
        {
            SafetensorsType.F64 or SafetensorsType.I64 => 8,
            SafetensorsType.F32 or SafetensorsType.I32 => 4,
            SafetensorsType.F16 or SafetensorsType.BF16 or SafetensorsType.I16 => 2,
            SafetensorsType.F8_E4M3 or SafetensorsType.F8_E5M2 => 1,
            SafetensorsType.U8 or SafetensorsType.I8 or SafetensorsType.BOOL => 1,
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "not a safetensors element type"),
        };

    /// <summary>The tensor library's name for the element type that values are read as.</summary>
    public static ScalarType ToScalarType(this SafetensorsType type) =>
        type switch
        {
            SafetensorsType.F64 => ScalarType.Float64,
            SafetensorsType.F32 => ScalarType.Float32,
            SafetensorsType.F16 => ScalarType.Float16,
            SafetensorsType.BF16 or SafetensorsType.F8_E4M3 or SafetensorsType.F8_E5M2 => ScalarType.BFloat16,
            SafetensorsType.I64 => ScalarType.Int64,
            SafetensorsType.I32 => ScalarType.Int32,
            SafetensorsType.I16 => ScalarType.Int16,
            SafetensorsType.I8 => ScalarType.Int8,
            SafetensorsType.U8 => ScalarType.Byte,
            SafetensorsType.BOOL => ScalarType.Bool,
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "not a safetensors element type"),
        };

    /// <summary>The file format's name for a tensor's element type.</summary>
    /// <exception cref="ArgumentException">The format, as used here, has no such type.</exception>
    public static SafetensorsType ToSafetensorsType(this ScalarType type) =>
        type switch
        {
            ScalarType.Float64 => SafetensorsType.F64,
            ScalarType.Float32 => SafetensorsType.F32,
            ScalarType.Float16 => SafetensorsType.F16,
            ScalarType.BFloat16 => SafetensorsType.BF16,
            ScalarType.Int64 => SafetensorsType.I64,
            ScalarType.Int32 => SafetensorsType.I32,
            ScalarType.Int16 => SafetensorsType.I16,
            ScalarType.Int8 => SafetensorsType.I8,
            ScalarType.Byte => SafetensorsType.U8,
            ScalarType.Bool => SafetensorsType.BOOL,
            _ => throw new ArgumentException($"a {type} tensor cannot be stored in a safetensors file", nameof(type)),
        };
}
