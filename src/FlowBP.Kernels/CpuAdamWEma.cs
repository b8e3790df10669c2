// The optimizer step on the CPU: five buffers are read and four written once (38 bytes per Float32 parameter with a bf16
// copy), where a step of separate tensor operations moves three times as much. Division and root are hidden behind memory.

using System.Numerics;
using System.Runtime.Intrinsics;

namespace FlowBP.Kernels;

internal static unsafe class CpuAdamWEma
{
    /// <summary>Memory traffic of a Float32 parameter with average and copy.</summary>
    internal const long BytesPerElement = 38;

    /// <summary>Updates one block of a tensor.</summary>
    internal static void UpdateBlock<T>(in AdamWEmaTensor tensor, in AdamWEmaConstants<T> constants, long blockOfRow)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var begin = blockOfRow * Tile.Elements;
        var count = (int)Math.Min(Tile.Elements, tensor.Count - begin);
        var parameter = (T*)tensor.Parameter + begin;
        Update(
            parameter,
            (T*)tensor.Gradient + begin,
            (T*)tensor.ExpAvg + begin,
            (T*)tensor.ExpAvgSq + begin,
            constants,
            count
        );
        // The parameters of the block are still in the cache.
        if (tensor.Ema is not null)
        {
            Average((T*)tensor.Ema + begin, parameter, constants.OneMinusEmaDecay, count);
        }
        if (tensor.BFloat16Copy is not null)
        {
            Round(parameter, (ushort*)tensor.BFloat16Copy + begin, count);
        }
    }

    private static void Update<T>(
        T* parameter,
        T* gradient,
        T* expAvg,
        T* expAvgSq,
        in AdamWEmaConstants<T> constants,
        int count
    )
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var gradientFactor = Vector256.Create(constants.GradientFactor);
        var oneMinusBeta1 = Vector256.Create(constants.OneMinusBeta1);
        var beta2 = Vector256.Create(constants.Beta2);
        var oneMinusBeta2 = Vector256.Create(constants.OneMinusBeta2);
        var correction = Vector256.Create(constants.SecondMomentCorrection);
        var epsilon = Vector256.Create(constants.Epsilon);
        var minusStepSize = Vector256.Create(-constants.StepSize);
        var parameterDecay = Vector256.Create(constants.ParameterDecay);
        var i = 0;
        for (; i <= count - Vector256<T>.Count; i += Vector256<T>.Count)
        {
            var g = Vector256.Load(gradient + i) * gradientFactor;
            var m = Vector256.Load(expAvg + i);
            m = Fused.MultiplyAdd(oneMinusBeta1, g - m, m);
            var s = Fused.MultiplyAdd(oneMinusBeta2 * g, g, beta2 * Vector256.Load(expAvgSq + i));
            var denominator = Fused.MultiplyAdd(Vector256.Sqrt(s), correction, epsilon);
            var p = Fused.MultiplyAdd(minusStepSize, m / denominator, Vector256.Load(parameter + i) * parameterDecay);
            m.Store(expAvg + i);
            s.Store(expAvgSq + i);
            p.Store(parameter + i);
        }
        for (; i < count; i++)
        {
            var g = gradient[i] * constants.GradientFactor;
            var m = T.FusedMultiplyAdd(constants.OneMinusBeta1, g - expAvg[i], expAvg[i]);
            var s = T.FusedMultiplyAdd(constants.OneMinusBeta2 * g, g, constants.Beta2 * expAvgSq[i]);
            var denominator = T.FusedMultiplyAdd(T.Sqrt(s), constants.SecondMomentCorrection, constants.Epsilon);
            parameter[i] = T.FusedMultiplyAdd(
                -constants.StepSize,
                m / denominator,
                parameter[i] * constants.ParameterDecay
            );
            (expAvg[i], expAvgSq[i]) = (m, s);
        }
    }

    private static void Average<T>(T* ema, T* parameter, T oneMinusDecay, int count)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var weight = Vector256.Create(oneMinusDecay);
        var i = 0;
        for (; i <= count - Vector256<T>.Count; i += Vector256<T>.Count)
        {
            var average = Vector256.Load(ema + i);
            Fused.MultiplyAdd(weight, Vector256.Load(parameter + i) - average, average).Store(ema + i);
        }
        for (; i < count; i++)
        {
            ema[i] = T.FusedMultiplyAdd(oneMinusDecay, parameter[i] - ema[i], ema[i]);
        }
    }

    private static void Round<T>(T* parameter, ushort* copy, int count)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var width = Vector256<ushort>.Count;
        var i = 0;
        for (; typeof(T) == typeof(float) && i <= count - width; i += width)
        {
            NativeStorage<float>.Read((byte*)(parameter + i), out var first, out var second);
            BFloat16Storage.Write((byte*)(copy + i), first, second);
        }
        for (; i < count; i++)
        {
            BFloat16Storage.Write((byte*)(copy + i), float.CreateTruncating(parameter[i]));
        }
    }
}
