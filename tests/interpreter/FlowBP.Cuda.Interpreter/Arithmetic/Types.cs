// The types that arithmetic tells apart, by name.

using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter.Arithmetic;

internal static class Types
{
    internal static readonly PtxType Predicate = Named("pred");
    internal static readonly PtxType B32 = Named("b32");
    internal static readonly PtxType Address = Named("u64");
    internal static readonly PtxType F32 = Named("f32");
    internal static readonly PtxType F64 = Named("f64");

    internal static FloatFormat FormatOf(PtxType type) =>
        type.Kind == PtxTypeKind.BFloat ? FloatFormat.BFloat16
        : type.Bits == 64 ? FloatFormat.Double
        : type.Bits == 32 && type.Lanes == 1 ? FloatFormat.Single
        : FloatFormat.Half;

    /// <summary>The value of a floating-point number of one lane; exact.</summary>
    internal static Func<ulong, double> ReaderOf(PtxType type) =>
        type.Kind == PtxTypeKind.BFloat ? bits => Bits.Single((bits & 0xffff) << 16)
        : type.Bits == 64 ? Bits.Double
        : type.Bits == 32 && type.Lanes == 1 ? bits => Bits.Single(bits)
        : bits => (double)BitConverter.UInt16BitsToHalf((ushort)bits);

    /// <summary>The bits of a value that the type can represent.</summary>
    internal static Func<double, ulong> WriterOf(PtxType type) =>
        type.Kind == PtxTypeKind.BFloat
            ? value => double.IsNaN(value) ? Bits.NarrowNaN : BitConverter.SingleToUInt32Bits((float)value) >> 16
        : type.Bits == 64 ? Bits.Of
        : type.Bits == 32 && type.Lanes == 1 ? value => Bits.Of((float)value)
        : value => double.IsNaN(value) ? Bits.NarrowNaN : BitConverter.HalfToUInt16Bits((Half)value);

    private static PtxType Named(string name) =>
        PtxType.TryParse(name, out var type) ? type : throw new InvalidOperationException(name);
}
