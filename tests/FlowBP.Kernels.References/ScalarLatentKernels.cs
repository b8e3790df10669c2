// The obvious version of every kernel: one element after another, one thread, as the formulas stand. It is what the
// vectorised version and any kernel on a device are tested against, bit for bit. T is the type of arithmetic: double for
// Float64 latents, float for the others.

using System.Numerics;

namespace FlowBP.Kernels.References;

/// <summary>The scalar reference.</summary>
public sealed unsafe class ScalarLatentKernels : ILatentKernels
{
    /// <inheritdoc/>
    public void Replay(
        LatentBuffer x_TBE,
        ReadOnlySpan<int> start_B,
        LatentBuffer v_TBE,
        ReadOnlySpan<int> index_BK,
        ReadOnlySpan<double> weight_BK,
        LatentBuffer out_BE
    )
    {
        KernelArguments.CheckReplay(x_TBE, start_B, v_TBE, index_BK, weight_BK, out_BE);
        if (x_TBE.Type == LatentType.Float64)
        {
            Replay<double>(x_TBE, start_B, v_TBE, index_BK, weight_BK, out_BE);
        }
        else
        {
            Replay<float>(x_TBE, start_B, v_TBE, index_BK, weight_BK, out_BE);
        }
    }

    private static void Replay<T>(
        LatentBuffer x,
        ReadOnlySpan<int> start,
        LatentBuffer v,
        ReadOnlySpan<int> index,
        ReadOnlySpan<double> weight,
        LatentBuffer destination
    )
        where T : IBinaryFloatingPointIeee754<T>
    {
        for (var b = 0; b < x.Batch; b++)
        {
            for (var e = 0L; e < x.Elements; e++)
            {
                Write(destination, 0, b, e, Quadrature<T>(x, start[b], v, index, weight, b, e));
            }
        }
    }

    private static T Quadrature<T>(
        LatentBuffer x,
        int start,
        LatentBuffer v,
        ReadOnlySpan<int> index,
        ReadOnlySpan<double> weight,
        int b,
        long e
    )
        where T : IBinaryFloatingPointIeee754<T>
    {
        var points = index.Length / (int)x.Batch;
        var sum = Read<T>(x, start, b, e);
        for (var k = b * points; k < (b + 1) * points; k++)
        {
            sum = T.FusedMultiplyAdd(T.CreateTruncating(weight[k]), Read<T>(v, index[k], b, e), sum);
        }
        return sum;
    }

    /// <inheritdoc/>
    public void QuadratureResidual(
        LatentBuffer x_TBE,
        ReadOnlySpan<int> start_B,
        LatentBuffer v_TBE,
        ReadOnlySpan<int> index_BK,
        ReadOnlySpan<double> weight_BK,
        ReadOnlySpan<int> target_B,
        Span<double> residual_B,
        LatentBuffer? out_BE = null
    )
    {
        KernelArguments.CheckResidual(x_TBE, start_B, v_TBE, index_BK, weight_BK, target_B, residual_B.Length, out_BE);
        for (var b = 0; b < x_TBE.Batch; b++)
        {
            residual_B[b] =
                x_TBE.Type == LatentType.Float64
                    ? Residual<double>(x_TBE, start_B, v_TBE, index_BK, weight_BK, target_B, b, out_BE)
                    : Residual<float>(x_TBE, start_B, v_TBE, index_BK, weight_BK, target_B, b, out_BE);
        }
    }

    private static double Residual<T>(
        LatentBuffer x,
        ReadOnlySpan<int> start,
        LatentBuffer v,
        ReadOnlySpan<int> index,
        ReadOnlySpan<double> weight,
        ReadOnlySpan<int> target,
        int b,
        LatentBuffer? destination
    )
        where T : IBinaryFloatingPointIeee754<T>
    {
        var distances = new double[x.Elements];
        for (var e = 0L; e < x.Elements; e++)
        {
            var xHat = Quadrature<T>(x, start[b], v, index, weight, b, e);
            distances[e] = double.CreateTruncating(T.Abs(Read<T>(x, target[b], b, e) - xHat));
            if (destination is { } out_BE)
            {
                Write(out_BE, 0, b, e, xHat);
            }
        }
        return x.Elements == 0 ? 0 : ReductionOrder.Sum(distances) / x.Elements;
    }

    /// <inheritdoc/>
    public void ScaleCotangent(LatentBuffer g_BE, ReadOnlySpan<double> scale_B, LatentBuffer u_BE)
    {
        KernelArguments.CheckScaling(g_BE, scale_B.Length, u_BE);
        for (var b = 0; b < g_BE.Batch; b++)
        {
            for (var e = 0L; e < g_BE.Elements; e++)
            {
                if (g_BE.Type == LatentType.Float64)
                {
                    Write(u_BE, 0, b, e, scale_B[b] * Read<double>(g_BE, 0, b, e));
                }
                else
                {
                    Write(u_BE, 0, b, e, (float)scale_B[b] * Read<float>(g_BE, 0, b, e));
                }
            }
        }
    }

    /// <inheritdoc/>
    public void AdamWEma(ReadOnlySpan<AdamWEmaTensor> tensors, in AdamWEmaStep step)
    {
        KernelArguments.CheckAdamW(tensors, step);
        foreach (ref readonly var tensor in tensors)
        {
            if (tensor.Type == LatentType.Float64)
            {
                AdamWEma(tensor, AdamWEmaConstants<double>.Of(step));
            }
            else
            {
                AdamWEma(tensor, AdamWEmaConstants<float>.Of(step));
            }
        }
    }

    private static void AdamWEma<T>(in AdamWEmaTensor tensor, in AdamWEmaConstants<T> constants)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var parameter = (T*)tensor.Parameter;
        var gradient = (T*)tensor.Gradient;
        var expAvg = (T*)tensor.ExpAvg;
        var expAvgSq = (T*)tensor.ExpAvgSq;
        var ema = (T*)tensor.Ema;
        for (var i = 0L; i < tensor.Count; i++)
        {
            var g = gradient[i] * constants.GradientFactor;
            var m = T.FusedMultiplyAdd(constants.OneMinusBeta1, g - expAvg[i], expAvg[i]);
            var s = T.FusedMultiplyAdd(constants.OneMinusBeta2 * g, g, constants.Beta2 * expAvgSq[i]);
            var denominator = T.FusedMultiplyAdd(T.Sqrt(s), constants.SecondMomentCorrection, constants.Epsilon);
            var p = T.FusedMultiplyAdd(-constants.StepSize, m / denominator, parameter[i] * constants.ParameterDecay);
            (expAvg[i], expAvgSq[i], parameter[i]) = (m, s, p);
            if (ema is not null)
            {
                ema[i] = T.FusedMultiplyAdd(constants.OneMinusEmaDecay, p - ema[i], ema[i]);
            }
            if (tensor.BFloat16Copy is not null)
            {
                ((ushort*)tensor.BFloat16Copy)[i] = BFloat16Bits.FromSingle(float.CreateTruncating(p));
            }
        }
    }

    /// <inheritdoc/>
    public void SquaredNorms(ReadOnlySpan<GradientBuffer> gradients, Span<double> squaredNorms)
    {
        KernelArguments.CheckGradients(gradients, squaredNorms.Length);
        for (var i = 0; i < gradients.Length; i++)
        {
            var gradient = gradients[i];
            var row = new LatentBuffer(gradient.Pointer, gradient.Type, 1, 1, gradient.Count);
            var squares = new double[gradient.Count];
            for (var e = 0L; e < gradient.Count; e++)
            {
                var g = Read<double>(row, 0, 0, e);
                squares[e] = g * g;
            }
            squaredNorms[i] = ReductionOrder.Sum(squares);
        }
    }

    private static T Read<T>(LatentBuffer buffer, long t, long b, long e)
        where T : IBinaryFloatingPointIeee754<T>
    {
        var address = buffer.AddressOf(t, b, e);
        return buffer.Type switch
        {
            LatentType.Float64 => T.CreateTruncating(NativeStorage<double>.Read(address)),
            LatentType.Float32 => T.CreateTruncating(NativeStorage<float>.Read(address)),
            _ => T.CreateTruncating(BFloat16Storage.Read(address)),
        };
    }

    private static void Write<T>(LatentBuffer buffer, long t, long b, long e, T value)
        where T : IBinaryFloatingPointIeee754<T>
    {
        var address = buffer.AddressOf(t, b, e);
        switch (buffer.Type)
        {
            case LatentType.Float64:
                NativeStorage<double>.Write(address, double.CreateTruncating(value));
                break;
            case LatentType.Float32:
                NativeStorage<float>.Write(address, float.CreateTruncating(value));
                break;
            default:
                BFloat16Storage.Write(address, float.CreateTruncating(value));
                break;
        }
    }
}
