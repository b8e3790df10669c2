// The structures that the kernels take by value: the mirrors of kernels/parameters.cuh, field by field, which say what each
// field means. A launch carries at most 4096 bytes. A test compares sizes and offsets with what the C++ compiler made of them.

using System.Runtime.InteropServices;

namespace FlowBP.Kernels.Cuda;

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct QuadratureParameters
{
    internal const int TableWords = 1000;

    internal void* X;
    internal void* V;
    internal void* Out;
    internal double* Residual;
    internal double* Partial;
    internal uint* Counter;
    internal long Elements;
    internal long XStep;
    internal long VStep;
    internal long PartialsPerSample;
    internal long CountersPerSample;
    internal int Samples;
    internal int Points;
    internal fixed int Table[TableWords];
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ScalingParameters
{
    internal const int Samples = 508;

    internal void* G;
    internal void* U;
    internal long Elements;
    internal fixed double Scale[Samples];
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct AdamWEmaEntry
{
    internal void* Parameter;
    internal void* Gradient;
    internal void* ExpAvg;
    internal void* ExpAvgSq;
    internal void* Ema;
    internal void* Bfloat16Copy;
    internal long Count;
    internal long FirstBlock;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct AdamWEmaParameters
{
    internal const int MaxEntries = 62;

    /// <summary>Elements that a thread block updates.</summary>
    internal const int BlockElements = 4096;

    internal double GradientFactor;
    internal double OneMinusBeta1;
    internal double Beta2;
    internal double OneMinusBeta2;
    internal double SecondMomentCorrection;
    internal double Epsilon;
    internal double StepSize;
    internal double ParameterDecay;
    internal double OneMinusEmaDecay;
    internal long Entries;

    // An array of AdamWEmaEntry, which a fixed buffer can't be.
    internal fixed long Entry[MaxEntries * 8];
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SquaredNormEntry
{
    internal void* Gradient;
    internal long Count;
    internal long FirstSpan;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SquaredNormParameters
{
    internal const int MaxEntries = 170;

    internal double* Partial;
    internal long Entries;

    // An array of SquaredNormEntry.
    internal fixed long Entry[MaxEntries * 3];
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct AdalnModulateParameters
{
    internal void* X;
    internal void* Scale;
    internal void* Shift;
    internal void* Out;
    internal long Rows;
    internal long Tokens;
    internal long Width;
    internal long ScaleStride;
    internal long ShiftStride;
    internal float Epsilon;
    internal int Reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct GatedResidualParameters
{
    internal void* X;
    internal void* Y;
    internal void* Gate;
    internal void* Out;
    internal long SampleElements;
    internal long Width;
    internal long GateStride;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct QkNormRopeParameters
{
    internal void* X;
    internal void* Weight;
    internal float* Cosine;
    internal float* Sine;
    internal void* Out;
    internal long Tokens;
    internal long XSampleStride;
    internal long XTokenStride;
    internal long XHeadStride;
    internal long OutSampleStride;
    internal long OutTokenStride;
    internal long OutHeadStride;
    internal int Heads;
    internal int Width;
    internal int ThreadsPerHead;
    internal float Epsilon;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct GuidedEulerStepParameters
{
    internal const int Rows = 1008;

    internal void* Conditional;
    internal void* Negative;
    internal void* X;
    internal void* V;
    internal void* XNext;
    internal long Elements;
    internal float Guidance;
    internal float Step;
    internal fixed int Row[Rows];
}
