// IRolloutKernels on a GPU: checks, grids, launches. All of it is queued; nothing waits. The reference is ScalarRolloutKernels in
// tests/FlowBP.Kernels.References.

using System.Numerics;
using FlowBP.Cuda;

namespace FlowBP.Kernels.Cuda;

/// <summary>
/// The rollout's fused operations on device memory: the numbers of the scalar reference, bit for bit (the payload of a NaN
/// excepted). Buffers hold device pointers. Everything is queued on the stream that is current at each launch.
/// </summary>
/// <param name="driver">Launches them.</param>
/// <param name="kernels">Finds a kernel by its name, one of <see cref="CudaKernelNames"/>; asked once for each.</param>
/// <param name="stream">Tells the CUstream; 0 is the default stream.</param>
/// <param name="deviceIndex">What <see cref="DeviceIndex"/> says.</param>
public sealed unsafe class CudaRolloutKernels(
    ICudaDriver driver,
    Func<string, Kernel> kernels,
    Func<nint> stream,
    int? deviceIndex = null
) : IRolloutKernels
{
    private const int WarpThreads = 32;
    private const int AdalnRows = 4;
    private const int GatedThreads = 256;
    private const int VectorsPerGatedThread = 4;
    private const int MaxQkThreads = 256;
    private const int TokensPerQkThread = 4;
    private const int EulerThreads = 256;

    private readonly KernelFamily _adalnModulate = new(kernels, "adaln_modulate");
    private readonly KernelFamily _gatedResidual = new(kernels, "gated_residual");
    private readonly KernelFamily _qkNormRope = new(kernels, "qk_norm_rope");
    private readonly KernelFamily _guidedEulerStep = new(kernels, "guided_euler_step");

    /// <inheritdoc/>
    public int? DeviceIndex => deviceIndex;

    /// <summary>CUstream that the kernels are queued on.</summary>
    public nint Stream => stream();

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
        if (IsEmpty(x_BLD))
        {
            return;
        }
        var parameters = new AdalnModulateParameters
        {
            X = x_BLD.Pointer,
            Scale = scale_BD.Pointer,
            Shift = shift_BD.Pointer,
            Out = out_BLD.Pointer,
            Rows = x_BLD.Batch * x_BLD.Tokens,
            Tokens = x_BLD.Tokens,
            Width = x_BLD.Width,
            ScaleStride = scale_BD.Stride,
            ShiftStride = shift_BD.Stride,
            Epsilon = (float)epsilon,
        };
        driver.Launch(
            _adalnModulate[x_BLD.Type],
            CudaGrid.Of(CudaGrid.BlocksOf(parameters.Rows, AdalnRows)),
            new(AdalnRows * WarpThreads),
            Stream,
            KernelArgument.Structure(&parameters)
        );
    }

    /// <inheritdoc/>
    public void GatedResidual(TokenBuffer x_BLD, ModulationBuffer gate_BD, TokenBuffer y_BLD, TokenBuffer out_BLD)
    {
        RolloutArguments.CheckGated(x_BLD, gate_BD, y_BLD, out_BLD);
        if (IsEmpty(x_BLD))
        {
            return;
        }
        var size = x_BLD.Type.Size();
        var elements = x_BLD.Tokens * x_BLD.Width;
        for (var first = 0L; first < x_BLD.Batch; first += CudaGrid.MaxY)
        {
            var parameters = new GatedResidualParameters
            {
                X = (byte*)x_BLD.Pointer + (first * elements * size),
                Y = (byte*)y_BLD.Pointer + (first * elements * size),
                Gate = (byte*)gate_BD.Pointer + (first * gate_BD.Stride * size),
                Out = (byte*)out_BLD.Pointer + (first * elements * size),
                SampleElements = elements,
                Width = x_BLD.Width,
                GateStride = gate_BD.Stride,
            };
            driver.Launch(
                _gatedResidual[x_BLD.Type],
                CudaGrid.Of(
                    CudaGrid.BlocksOf(elements, GatedThreads * VectorsPerGatedThread * CudaGrid.VectorBytes / size),
                    (int)Math.Min(CudaGrid.MaxY, x_BLD.Batch - first)
                ),
                new(GatedThreads),
                Stream,
                KernelArgument.Structure(&parameters)
            );
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
        if (x_BLHK.Batch == 0 || x_BLHK.Tokens == 0 || x_BLHK.Heads == 0 || x_BLHK.Width == 0)
        {
            return;
        }
        var size = x_BLHK.Type.Size();
        var vectors = (int)CudaGrid.BlocksOf(x_BLHK.Width, CudaGrid.VectorBytes / size);
        var threadsPerHead = (int)Math.Min(WarpThreads, BitOperations.RoundUpToPowerOf2((uint)vectors));
        for (var first = 0L; first < x_BLHK.Batch; first += CudaGrid.MaxY)
        {
            var parameters = new QkNormRopeParameters
            {
                X = (byte*)x_BLHK.Pointer + (first * x_BLHK.SampleStride * size),
                Weight = weight_K,
                Cosine = cosine_LP,
                Sine = sine_LP,
                Out = (byte*)out_BLHK.Pointer + (first * out_BLHK.SampleStride * size),
                Tokens = x_BLHK.Tokens,
                XSampleStride = x_BLHK.SampleStride,
                XTokenStride = x_BLHK.TokenStride,
                XHeadStride = x_BLHK.HeadStride,
                OutSampleStride = out_BLHK.SampleStride,
                OutTokenStride = out_BLHK.TokenStride,
                OutHeadStride = out_BLHK.HeadStride,
                Heads = x_BLHK.Heads,
                Width = x_BLHK.Width,
                ThreadsPerHead = threadsPerHead,
                Epsilon = (float)epsilon,
            };
            driver.Launch(
                _qkNormRope[x_BLHK.Type],
                CudaGrid.Of(
                    CudaGrid.BlocksOf(x_BLHK.Tokens, TokensPerQkThread),
                    (int)Math.Min(CudaGrid.MaxY, x_BLHK.Batch - first)
                ),
                new(QkThreads(x_BLHK.Heads, threadsPerHead)),
                Stream,
                KernelArgument.Structure(&parameters)
            );
        }
    }

    // A block goes through the heads in as few rounds as 256 threads need, with no more threads than that many rounds need.
    private static int QkThreads(int heads, int threadsPerHead)
    {
        var rounds = CudaGrid.BlocksOf((long)heads * threadsPerHead, MaxQkThreads);
        var headsPerRound = CudaGrid.BlocksOf(heads, rounds);
        return (int)CudaGrid.BlocksOf(headsPerRound * threadsPerHead, WarpThreads) * WarpThreads;
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
        if (x_BE.Elements == 0)
        {
            return;
        }
        var vector = CudaGrid.VectorBytes / Math.Max(conditional_NE.ElementSize, x_BE.ElementSize);
        for (var first = 0; first < sample_N.Length; first += GuidedEulerStepParameters.Rows)
        {
            var rows = Math.Min(GuidedEulerStepParameters.Rows, sample_N.Length - first);
            var parameters = new GuidedEulerStepParameters
            {
                Conditional = conditional_NE.AddressOf(0, first, 0),
                Negative = negative_NE is { } negative ? negative.AddressOf(0, first, 0) : null,
                X = x_BE.Pointer,
                V = v_BE.Pointer,
                XNext = next_BE.Pointer,
                Elements = x_BE.Elements,
                Guidance = (float)guidance,
                Step = (float)step,
            };
            sample_N.Slice(first, rows).CopyTo(new(parameters.Row, GuidedEulerStepParameters.Rows));
            driver.Launch(
                _guidedEulerStep[conditional_NE.Type, x_BE.Type],
                CudaGrid.Of(CudaGrid.BlocksOf(x_BE.Elements, EulerThreads * vector), rows),
                new(EulerThreads),
                Stream,
                KernelArgument.Structure(&parameters)
            );
        }
    }

    private static bool IsEmpty(TokenBuffer x) => x.Batch == 0 || x.Tokens == 0 || x.Width == 0;
}
