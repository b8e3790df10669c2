// Sizes and families of the tensor library's element types, as far as files hold them.

namespace FlowBP.Formats;

internal static class ElementTypes
{
    /// <summary>Bytes per element.</summary>
    public static int Size(ScalarType type) =>
        type switch
        {
            ScalarType.Float64 or ScalarType.Int64 => 8,
            ScalarType.Float32 or ScalarType.Int32 => 4,
            ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Int16 => 2,
            ScalarType.Byte or ScalarType.Int8 or ScalarType.Bool => 1,
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "not an element type of a checkpoint"),
        };

    /// <summary>Whether values of the type are real numbers.</summary>
    public static bool IsFloating(ScalarType type) =>
        type is ScalarType.Float64 or ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16;

    /// <summary>
    /// Whether values of one type may be taken for values of the other: among real numbers, among integers, among truth
    /// values. A weight that was stored as an integer is another thing than a weight.
    /// </summary>
    public static bool Convertible(ScalarType from, ScalarType to) => Family(from) == Family(to);

    private static int Family(ScalarType type) =>
        IsFloating(type) ? 0
        : type == ScalarType.Bool ? 1
        : 2;
}
