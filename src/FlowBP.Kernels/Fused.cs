// .NET has a fused multiply-add for Vector256<float> and for Vector256<double>, but none for Vector256<T>.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace FlowBP.Kernels;

internal static class Fused
{
    /// <summary>a·b + c, rounded once; T is float or double.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<T> MultiplyAdd<T>(Vector256<T> a, Vector256<T> b, Vector256<T> c)
        where T : unmanaged =>
        typeof(T) == typeof(float)
            ? Vector256.FusedMultiplyAdd(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
            : Vector256.FusedMultiplyAdd(a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>();
}
