// ILatentKernels on a GPU. The arithmetic is in kernels/; here are the checks, the same as in front of the CPU's kernels, the
// splitting of what doesn't fit one launch's parameters, and the shapes of the grids. Tables of steps and weights travel with the
// launch, so that nothing is copied to the device; results that the caller wants as numbers are copied back at the end. The
// reference is ScalarLatentKernels in tests/FlowBP.Kernels.References.

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
    private const int ReplayThreads = 256;
    private const int ResidualThreads = 256;
    private const int BlocksPerResidual = 8;
    private const int ScalingThreads = 256;
    private const int VectorsPerScalingThread = 4;
    private const int AdamWThreads = 256;
    private const int NormThreads = 256;

    private readonly KernelFamily _replay = new(kernels, "replay");
    private readonly KernelFamily _quadratureResidual = new(kernels, "quadrature_residual");
    private readonly KernelFamily _scaleCotangent = new(kernels, "scale_cotangent");
    private readonly KernelFamily _adamWEma = new(kernels, "adamw_ema");
    private readonly KernelFamily _squaredNorm = new(kernels, "squared_norm");
    private readonly CudaScratch _partials = new(driver);
    private readonly CudaScratch _counters = new(driver);
    private readonly CudaScratch _results = new(driver);

    /// <inheritdoc/>
    public int? DeviceIndex => deviceIndex;

    /// <summary>CUstream that the kernels are queued on.</summary>
    public nint Stream => stream();

    /// <summary>
    /// Most quadrature points that a call can have: what one sample's part of a launch's parameters holds.
    /// </summary>
    /// <param name="type">Type of the latents.</param>
    public static int MaxPoints(LatentType type) => (QuadratureParameters.TableWords - 2) / (1 + WordsPerWeight(type));

    /// <inheritdoc/>
    /// <remarks>K is at most <see cref="MaxPoints"/>.</remarks>
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
        if (x_TBE.Batch == 0 || x_TBE.Elements == 0)
        {
            return;
        }
        var blocks = CudaGrid.BlocksOf(x_TBE.Elements, ReplayThreads * CudaGrid.VectorBytes / x_TBE.ElementSize);
        foreach (var (first, samples) in Launches(x_TBE, index_BK.Length))
        {
            QuadratureParameters parameters;
            Describe(&parameters, x_TBE, v_TBE, out_BE, first, samples);
            FillTable(&parameters, x_TBE.Type, start_B, default, index_BK, weight_BK, first);
            driver.Launch(
                _replay[x_TBE.Type],
                CudaGrid.Of(blocks, samples),
                new(ReplayThreads),
                Stream,
                KernelArgument.Structure(&parameters)
            );
        }
    }

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
    )
    {
        KernelArguments.CheckResidual(x_TBE, start_B, v_TBE, index_BK, weight_BK, target_B, residual_B.Length, out_BE);
        residual_B.Clear();
        if (x_TBE.Batch == 0 || x_TBE.Elements == 0)
        {
            return;
        }
        // Per sample: sums of blocks, of blocks of blocks, and so on; and a counter for each of them but the first ones.
        var partials = 0L;
        var counters = 0L;
        for (var count = ReductionOrder.BlocksOf(x_TBE.Elements); ; count = ReductionOrder.BlocksOf(count))
        {
            partials += count;
            counters += ReductionOrder.BlocksOf(count);
            if (count <= ReductionOrder.BlockElements)
            {
                break;
            }
        }
        var launches = Launches(x_TBE, index_BK.Length);
        var atOnce = launches.Max(launch => launch.Samples);
        var partial = _partials.AtLeast(atOnce * partials * sizeof(double), Stream);
        var counter = _counters.AtLeast(atOnce * counters * sizeof(uint), Stream);
        var residual = _results.AtLeast(residual_B.Length * sizeof(double), Stream);
        var blocks = CudaGrid.BlocksOf(x_TBE.Elements, BlocksPerResidual * ReductionOrder.BlockElements);
        foreach (var (first, samples) in launches)
        {
            QuadratureParameters parameters;
            Describe(&parameters, x_TBE, v_TBE, out_BE, first, samples);
            FillTable(&parameters, x_TBE.Type, start_B, target_B, index_BK, weight_BK, first);
            parameters.Residual = (double*)residual + first;
            parameters.Partial = (double*)partial;
            parameters.Counter = (uint*)counter;
            parameters.PartialsPerSample = partials;
            parameters.CountersPerSample = counters;
            driver.Launch(
                _quadratureResidual[x_TBE.Type],
                CudaGrid.Of(blocks, samples),
                new(ResidualThreads),
                Stream,
                KernelArgument.Structure(&parameters)
            );
        }
        driver.CopyToHost(MemoryMarshal.AsBytes(residual_B), residual, Stream);
    }

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
        var partial = (double*)_results.AtLeast(spans * sizeof(double), Stream);
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
        _partials.Dispose();
        _counters.Dispose();
        _results.Dispose();
    }

    private static int WordsPerWeight(LatentType type) => type == LatentType.Float64 ? 2 : 1;

    // The samples of each launch: as many as the table holds.
    private static List<(int First, int Samples)> Launches(LatentBuffer x, int points)
    {
        var batch = (int)x.Batch;
        points /= batch;
        if (points > MaxPoints(x.Type))
        {
            throw new ArgumentException(
                $"{points} quadrature points per sample; the CUDA kernels take {MaxPoints(x.Type)} at most for {x.Type}"
            );
        }
        var samples = QuadratureParameters.TableWords / (2 + (points * (1 + WordsPerWeight(x.Type))));
        List<(int, int)> launches = [];
        for (var first = 0; first < batch; first += samples)
        {
            launches.Add((first, Math.Min(samples, batch - first)));
        }
        return launches;
    }

    private static void Describe(
        QuadratureParameters* parameters,
        LatentBuffer x,
        LatentBuffer v,
        LatentBuffer? destination,
        int first,
        int samples
    )
    {
        parameters->X = x.AddressOf(0, first, 0);
        parameters->V = v.AddressOf(0, first, 0);
        parameters->Out = destination is { } out_BE ? out_BE.AddressOf(0, first, 0) : null;
        parameters->Residual = null;
        parameters->Partial = null;
        parameters->Counter = null;
        parameters->Elements = x.Elements;
        parameters->XStep = x.Batch * x.Elements;
        parameters->VStep = v.Batch * v.Elements;
        parameters->PartialsPerSample = 0;
        parameters->CountersPerSample = 0;
        parameters->Samples = samples;
    }

    private static void FillTable(
        QuadratureParameters* parameters,
        LatentType type,
        ReadOnlySpan<int> start,
        ReadOnlySpan<int> target,
        ReadOnlySpan<int> index,
        ReadOnlySpan<double> weight,
        int first
    )
    {
        var samples = parameters->Samples;
        var points = index.Length / start.Length;
        parameters->Points = points;
        var table = new Span<int>(parameters->Table, QuadratureParameters.TableWords);
        table.Clear();
        start.Slice(first, samples).CopyTo(table);
        if (!target.IsEmpty)
        {
            target.Slice(first, samples).CopyTo(table[samples..]);
        }
        index.Slice(first * points, samples * points).CopyTo(table[(2 * samples)..]);
        weight = weight.Slice(first * points, samples * points);
        var words = table[((2 + points) * samples)..];
        if (type == LatentType.Float64)
        {
            MemoryMarshal.Cast<double, int>(weight).CopyTo(words);
            return;
        }
        for (var i = 0; i < weight.Length; i++)
        {
            words[i] = BitConverter.SingleToInt32Bits((float)weight[i]);
        }
    }
}
