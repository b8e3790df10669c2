// Sums of velocities along a trajectory, on a GPU. Tables of steps and weights travel with the launch, so that nothing is copied to
// the device; a batch whose table doesn't fit takes several launches.

using System.Runtime.InteropServices;
using FlowBP.Cuda;

namespace FlowBP.Kernels.Cuda;

/// <summary>Replay of a quadrature, and the residual of a replay.</summary>
/// <param name="driver">Launches the kernels, and has the memory of sums.</param>
/// <param name="kernels">Finds a kernel by its name.</param>
/// <param name="stream">Tells the CUstream that is current at each launch.</param>
internal sealed unsafe class CudaQuadrature(ICudaDriver driver, Func<string, Kernel> kernels, Func<nint> stream)
    : IDisposable
{
    private const int ReplayThreads = 256;
    private const int ResidualThreads = 256;
    private const int BlocksPerResidual = 8;

    private readonly KernelFamily _replay = new(kernels, "replay");
    private readonly KernelFamily _residual = new(kernels, "quadrature_residual");
    private readonly CudaScratch _partials = new(driver);
    private readonly CudaScratch _counters = new(driver);
    private readonly CudaScratch _results = new(driver);

    /// <summary>Most quadrature points of a sample: what its part of a launch's parameters holds.</summary>
    internal static int MaxPoints(LatentType type) =>
        (QuadratureParameters.TableWords - 2) / (1 + WordsPerWeight(type));

    /// <summary>See <see cref="ILatentKernels.Replay"/>.</summary>
    internal void Replay(
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
                stream(),
                KernelArgument.Structure(&parameters)
            );
        }
    }

    /// <summary>See <see cref="ILatentKernels.QuadratureResidual"/>. Waits for the stream.</summary>
    internal void Residual(
        LatentBuffer x_TBE,
        ReadOnlySpan<int> start_B,
        LatentBuffer v_TBE,
        ReadOnlySpan<int> index_BK,
        ReadOnlySpan<double> weight_BK,
        ReadOnlySpan<int> target_B,
        Span<double> residual_B,
        LatentBuffer? out_BE
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
        var partial = _partials.AtLeast(atOnce * partials * sizeof(double), stream());
        var counter = _counters.AtLeast(atOnce * counters * sizeof(uint), stream());
        var residual = _results.AtLeast(residual_B.Length * sizeof(double), stream());
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
                _residual[x_TBE.Type],
                CudaGrid.Of(blocks, samples),
                new(ResidualThreads),
                stream(),
                KernelArgument.Structure(&parameters)
            );
        }
        driver.CopyToHost(MemoryMarshal.AsBytes(residual_B), residual, stream());
    }

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
