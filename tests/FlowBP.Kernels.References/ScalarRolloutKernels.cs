// The obvious version of the rollout's fused operations: one element after another, as the formulas stand, with sums in the order
// that the GPU takes. It is what the CUDA kernels are tested against, bit for bit, and itself against doubles.

namespace FlowBP.Kernels.References;

/// <summary>The scalar reference.</summary>
public sealed unsafe class ScalarRolloutKernels : IRolloutKernels
{
    private const int Lanes = 32;
    private const int VectorBytes = 16;

    /// <inheritdoc/>
    public void AdalnModulate(
        TokenBuffer x_BLD,
        ModulationBuffer scale_BD,
        ModulationBuffer shift_BD,
        double epsilon,
        TokenBuffer out_BLD
    )
    {
        RolloutArguments.CheckAdaln(x_BLD, scale_BD, shift_BD, out_BLD);
        var width = x_BLD.Width;
        var row = new float[width];
        for (var b = 0L; b < x_BLD.Batch; b++)
        {
            for (var l = 0L; l < x_BLD.Tokens; l++)
            {
                var begin = ((b * x_BLD.Tokens) + l) * width;
                for (var d = 0L; d < width; d++)
                {
                    row[d] = Read(x_BLD.Pointer, x_BLD.Type, begin + d);
                }
                var mean = Sum(row, x_BLD.Type, static (sum, x) => sum + x) * (1f / width);
                var squares = Sum(row, x_BLD.Type, (sum, x) => MathF.FusedMultiplyAdd(x - mean, x - mean, sum));
                var inverseDeviation = ReciprocalRoot(squares, width, epsilon);
                for (var d = 0L; d < width; d++)
                {
                    var scale = Read(scale_BD.Pointer, scale_BD.Type, (b * scale_BD.Stride) + d);
                    var shift = Read(shift_BD.Pointer, shift_BD.Type, (b * shift_BD.Stride) + d);
                    var value = MathF.FusedMultiplyAdd((row[d] - mean) * inverseDeviation, 1 + scale, shift);
                    Write(out_BLD.Pointer, out_BLD.Type, begin + d, value);
                }
            }
        }
    }

    /// <inheritdoc/>
    public void GatedResidual(TokenBuffer x_BLD, ModulationBuffer gate_BD, TokenBuffer y_BLD, TokenBuffer out_BLD)
    {
        RolloutArguments.CheckGated(x_BLD, gate_BD, y_BLD, out_BLD);
        for (var i = 0L; i < x_BLD.Batch * x_BLD.Tokens * x_BLD.Width; i++)
        {
            var b = i / (x_BLD.Tokens * x_BLD.Width);
            var gate = Read(gate_BD.Pointer, gate_BD.Type, (b * gate_BD.Stride) + (i % x_BLD.Width));
            var value = MathF.FusedMultiplyAdd(
                gate,
                Read(y_BLD.Pointer, y_BLD.Type, i),
                Read(x_BLD.Pointer, x_BLD.Type, i)
            );
            Write(out_BLD.Pointer, out_BLD.Type, i, value);
        }
    }

    /// <inheritdoc/>
    public void QkNormRope(
        HeadBuffer x_BLHK,
        void* weight_K,
        float* cosine_LP,
        float* sine_LP,
        double epsilon,
        HeadBuffer out_BLHK
    )
    {
        RolloutArguments.CheckQkNormRope(x_BLHK, cosine_LP, sine_LP, out_BLHK);
        var head = new float[x_BLHK.Width];
        for (var b = 0L; b < x_BLHK.Batch; b++)
        {
            for (var l = 0L; l < x_BLHK.Tokens; l++)
            {
                for (var h = 0L; h < x_BLHK.Heads; h++)
                {
                    var from = (b * x_BLHK.SampleStride) + (l * x_BLHK.TokenStride) + (h * x_BLHK.HeadStride);
                    for (var k = 0; k < head.Length; k++)
                    {
                        head[k] = Read(x_BLHK.Pointer, x_BLHK.Type, from + k);
                    }
                    var squares = Sum(head, x_BLHK.Type, static (sum, x) => MathF.FusedMultiplyAdd(x, x, sum));
                    var inverseRoot = ReciprocalRoot(squares, head.Length, epsilon);
                    for (var k = 0; k < head.Length; k++)
                    {
                        head[k] *= inverseRoot;
                        if (weight_K is not null)
                        {
                            head[k] *= Read(weight_K, x_BLHK.Type, k);
                        }
                    }
                    if (cosine_LP is not null)
                    {
                        Rotate(head, cosine_LP + (l * head.Length / 2), sine_LP + (l * head.Length / 2));
                    }
                    var to = (b * out_BLHK.SampleStride) + (l * out_BLHK.TokenStride) + (h * out_BLHK.HeadStride);
                    for (var k = 0; k < head.Length; k++)
                    {
                        Write(out_BLHK.Pointer, out_BLHK.Type, to + k, head[k]);
                    }
                }
            }
        }
    }

    private static void Rotate(float[] head, float* cosine, float* sine)
    {
        for (var pair = 0; pair < head.Length / 2; pair++)
        {
            var (a, b) = (head[2 * pair], head[(2 * pair) + 1]);
            head[2 * pair] = MathF.FusedMultiplyAdd(-b, sine[pair], a * cosine[pair]);
            head[(2 * pair) + 1] = MathF.FusedMultiplyAdd(a, sine[pair], b * cosine[pair]);
        }
    }

    /// <inheritdoc/>
    public void GuidedEulerStep(
        LatentBuffer conditional_NE,
        LatentBuffer? negative_NE,
        double guidance,
        ReadOnlySpan<int> sample_N,
        LatentBuffer x_BE,
        double step,
        LatentBuffer v_BE,
        LatentBuffer next_BE
    )
    {
        RolloutArguments.CheckEulerStep(conditional_NE, negative_NE, sample_N, x_BE, v_BE, next_BE);
        for (var n = 0; n < sample_N.Length; n++)
        {
            for (var e = 0L; e < x_BE.Elements; e++)
            {
                var inNetwork = (n * x_BE.Elements) + e;
                var inCache = (sample_N[n] * x_BE.Elements) + e;
                var velocity = Read(conditional_NE.Pointer, conditional_NE.Type, inNetwork);
                if (negative_NE is { } negatives)
                {
                    var negative = Read(negatives.Pointer, negatives.Type, inNetwork);
                    velocity = negative + ((velocity - negative) * (float)guidance);
                }
                Write(v_BE.Pointer, v_BE.Type, inCache, velocity);
                var next = MathF.FusedMultiplyAdd(
                    (float)step,
                    Read(v_BE.Pointer, v_BE.Type, inCache),
                    Read(x_BE.Pointer, x_BE.Type, inCache)
                );
                Write(next_BE.Pointer, next_BE.Type, inCache, next);
            }
        }
    }

    // Vector c of 16 bytes goes to lane c mod 32, where its elements are added in turn; the lanes are added by halving.
    private static float Sum(float[] row, LatentType type, Func<float, float, float> add)
    {
        Span<float> lanes = stackalloc float[Lanes];
        lanes.Clear();
        var vector = VectorBytes / (type == LatentType.BFloat16 ? sizeof(ushort) : sizeof(float));
        for (var i = 0; i < row.Length; i++)
        {
            ref var lane = ref lanes[i / vector % Lanes];
            lane = add(lane, row[i]);
        }
        for (var half = Lanes / 2; half > 0; half /= 2)
        {
            for (var i = 0; i < half; i++)
            {
                lanes[i] += lanes[i + half];
            }
        }
        return lanes[0];
    }

    private static float ReciprocalRoot(float sum, long count, double epsilon) =>
        1 / MathF.Sqrt(MathF.FusedMultiplyAdd(sum, 1f / count, (float)epsilon));

    private static float Read(void* pointer, LatentType type, long index) =>
        type == LatentType.BFloat16
            ? BFloat16Storage.Read((byte*)pointer + (index * sizeof(ushort)))
            : NativeStorage<float>.Read((byte*)pointer + (index * sizeof(float)));

    private static void Write(void* pointer, LatentType type, long index, float value)
    {
        if (type == LatentType.BFloat16)
        {
            BFloat16Storage.Write((byte*)pointer + (index * sizeof(ushort)), value);
        }
        else
        {
            NativeStorage<float>.Write((byte*)pointer + (index * sizeof(float)), value);
        }
    }
}
