// ILatentKernels on a GPU. The arithmetic is in kernels/; here are the checks, the same as in front of the CPU's kernels, the
// splitting of what doesn't fit one launch's parameters, and the shapes of the grids. Results that the caller wants as numbers are
// copied back at the end. The reference is ScalarLatentKernels in tests/FlowBP.Kernels.References.

using System.Runtime.InteropServices;
using FlowBP.Cuda;

namespace FlowBP.Kernels.Cuda;

/// <summary>
/// The fused operations on device memory: the numbers of the scalar reference, bit for bit. Buffers hold device
/// pointers. Replay, scaling and the optimizer step are queued on the stream; residual and norm wait for their results. One
/// call at a time.
/// </summary>
/// <param name="driver">Launches them, and has the memory of sums.</param>
/// <param name="kernels">Finds a kernel by its name, one of <see cref="CudaKernelNames"/>; asked once for each.</param>
/// <param name="stream">Tells the CUstream that is current at each launch; 0 is the default stream.</param>
/// <param name="deviceIndex">What <see cref="DeviceIndex"/> says.</param>
public sealed unsafe class CudaLatentKernels(
    ICudaDriver driver,
    Func<string, Kernel> kernels,
    Func<nint> stream,
    int? deviceIndex = null
) : ILatentKernels, IDisposable
{
    private const int ScalingThreads = 256;
    private const int VectorsPerScalingThread = 4;
    private const int AdamWThreads = 256;
    private const int NormThreads = 256;

    private readonly CudaQuadrature _quadrature = new(driver, kernels, stream);
    private readonly KernelFamily _scaleCotangent = new(kernels, "scale_cotangent");
    private readonly KernelFamily _adamWEma = new(kernels, "adamw_ema");
    private readonly KernelFamily _squaredNorm = new(kernels, "squared_norm");
    private readonly CudaScratch _partials = new(driver);

    /// <inheritdoc/>
    public int? DeviceIndex => deviceIndex;

    /// <summary>CUstream that the kernels are queued on.</summary>
    public nint Stream => stream();

    /// <summary>
    /// Most quadrature points that a call can have: what one sample's part of a launch's parameters holds.
    /// </summary>
    /// <param name="type">Type of the latents.</param>
    public static int MaxPoints(LatentType type) => CudaQuadrature.MaxPoints(type);

    /// <inheritdoc/>
    /// <remarks>K is at most <see cref="MaxPoints"/>.</remarks>
    public void Replay(
        LatentBuffer x_TBE,
        ReadOnlySpan<int> start_B,
        LatentBuffer v_TBE,
        ReadOnlySpan<int> index_BK,
        ReadOnlySpan<double> weight_BK,
        LatentBuffer out_BE
    ) => _quadrature.Replay(x_TBE, start_B, v_TBE, index_BK, weight_BK, out_BE);

    /// <inheritdoc/>
    /// <remarks>K is at most <see cref="MaxPoints"/>. Waits for the stream.</remarks>
    public void QuadratureResidual(
        LatentBuffer x_TBE,
        ReadOnlySpan<int> start_B,
        LatentBuffer v_TBE,
        ReadOnlySpan<int> index_BK,
        ReadOnlySpan<double> weight_BK,
        ReadOnlySpan<int> target_B,
        Span<double> residual_B,
        LatentBuffer? out_BE = null
    ) => _quadrature.Residual(x_TBE, start_B, v_TBE, index_BK, weight_BK, target_B, residual_B, out_BE);

    /// <inheritdoc/>
    public void ScaleCotangent(LatentBuffer g_BE, ReadOnlySpan<double> scale_B, LatentBuffer u_BE)
    {
        KernelArguments.CheckScaling(g_BE, scale_B.Length, u_BE);
        if (g_BE.Batch == 0 || g_BE.Elements == 0)
        {
            return;
        }
        var vector = CudaGrid.VectorBytes / Math.Max(g_BE.ElementSize, u_BE.ElementSize);
        var blocks = CudaGrid.BlocksOf(g_BE.Elements, ScalingThreads * VectorsPerScalingThread * vector);
        for (var first = 0; first < scale_B.Length; first += ScalingParameters.Samples)
        {
            var samples = Math.Min(ScalingParameters.Samples, scale_B.Length - first);
            ScalingParameters parameters;
            parameters.G = g_BE.AddressOf(0, first, 0);
            parameters.U = u_BE.AddressOf(0, first, 0);
            parameters.Elements = g_BE.Elements;
            scale_B.Slice(first, samples).CopyTo(new(parameters.Scale, ScalingParameters.Samples));
            driver.Launch(
                _scaleCotangent[g_BE.Type, u_BE.Type],
                CudaGrid.Of(blocks, samples),
                new(ScalingThreads),
                Stream,
                KernelArgument.Structure(&parameters)
            );
        }
    }

    /// <inheritdoc/>
    public void AdamWEma(ReadOnlySpan<AdamWEmaTensor> tensors, in AdamWEmaStep step)
    {
        KernelArguments.CheckAdamW(tensors, step);
        AdamWEmaParameters parameters;
        parameters.Entries = 0;
        var type = LatentType.Float32;
        var blocks = 0L;
        foreach (ref readonly var tensor in tensors)
        {
            if (tensor.Count == 0)
            {
                continue;
            }
            if (parameters.Entries == AdamWEmaParameters.MaxEntries || tensor.Type != type)
            {
                Launch(&parameters, step);
                parameters.Entries = 0;
                blocks = 0;
            }
            type = tensor.Type;
            ((AdamWEmaEntry*)parameters.Entry)[parameters.Entries++] = new()
            {
                Parameter = tensor.Parameter,
                Gradient = tensor.Gradient,
                ExpAvg = tensor.ExpAvg,
                ExpAvgSq = tensor.ExpAvgSq,
                Ema = tensor.Ema,
                Bfloat16Copy = tensor.BFloat16Copy,
                Count = tensor.Count,
                FirstBlock = blocks,
            };
            blocks += CudaGrid.BlocksOf(tensor.Count, AdamWEmaParameters.BlockElements);
        }
        Launch(&parameters, step);

        void Launch(AdamWEmaParameters* parameters, in AdamWEmaStep step)
        {
            if (parameters->Entries == 0)
            {
                return;
            }
            if (type == LatentType.Float64)
            {
                SetConstants(parameters, AdamWEmaConstants<double>.Of(step));
            }
            else
            {
                SetConstants(parameters, AdamWEmaConstants<float>.Of(step));
            }
            driver.Launch(
                _adamWEma[type],
                CudaGrid.Of(blocks),
                new(AdamWThreads),
                Stream,
                KernelArgument.Structure(parameters)
            );
        }
    }

    private static void SetConstants<T>(AdamWEmaParameters* parameters, in AdamWEmaConstants<T> constants)
        where T : System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        parameters->GradientFactor = double.CreateTruncating(constants.GradientFactor);
        parameters->OneMinusBeta1 = double.CreateTruncating(constants.OneMinusBeta1);
        parameters->Beta2 = double.CreateTruncating(constants.Beta2);
        parameters->OneMinusBeta2 = double.CreateTruncating(constants.OneMinusBeta2);
        parameters->SecondMomentCorrection = double.CreateTruncating(constants.SecondMomentCorrection);
        parameters->Epsilon = double.CreateTruncating(constants.Epsilon);
        parameters->StepSize = double.CreateTruncating(constants.StepSize);
        parameters->ParameterDecay = double.CreateTruncating(constants.ParameterDecay);
        parameters->OneMinusEmaDecay = double.CreateTruncating(constants.OneMinusEmaDecay);
    }

    /// <inheritdoc/>
    /// <remarks>Waits for the stream.</remarks>
    public void SquaredNorms(ReadOnlySpan<GradientBuffer> gradients, Span<double> squaredNorms)
    {
        KernelArguments.CheckGradients(gradients, squaredNorms.Length);
        squaredNorms.Clear();
        var spans = 0L;
        foreach (var gradient in gradients)
        {
            spans += GradientSpans.CountOf(gradient);
        }
        if (spans == 0)
        {
            return;
        }
        var partial = (double*)_partials.AtLeast(spans * sizeof(double), Stream);
        SquaredNormParameters parameters;
        parameters.Partial = partial;
        parameters.Entries = 0;
        var type = LatentType.Float32;
        var launched = 0L;
        foreach (var gradient in gradients)
        {
            if (gradient.Count == 0)
            {
                continue;
            }
            if (parameters.Entries == SquaredNormParameters.MaxEntries || gradient.Type != type)
            {
                Launch(&parameters);
                parameters.Partial += launched;
                parameters.Entries = 0;
                launched = 0;
            }
            type = gradient.Type;
            ((SquaredNormEntry*)parameters.Entry)[parameters.Entries++] = new()
            {
                Gradient = gradient.Pointer,
                Count = gradient.Count,
                FirstSpan = launched,
            };
            launched += GradientSpans.CountOf(gradient);
        }
        Launch(&parameters);
        var sums = new double[spans];
        driver.CopyToHost(MemoryMarshal.AsBytes(sums.AsSpan()), (nint)partial, Stream);
        GradientSpans.AddUp(gradients, sums, squaredNorms);

        void Launch(SquaredNormParameters* parameters)
        {
            if (parameters->Entries > 0)
            {
                driver.Launch(
                    _squaredNorm[type],
                    CudaGrid.Of(launched),
                    new(NormThreads),
                    Stream,
                    KernelArgument.Structure(parameters)
                );
            }
        }
    }

    /// <summary>Frees the device memory.</summary>
    public void Dispose()
    {
        _quadrature.Dispose();
        _partials.Dispose();
    }
}
