// The kernels as a CPU runs them: checks, the choice of the storage type, and the loop over blocks. The arithmetic is in
// CpuQuadrature, CpuScaling, CpuAdamWEma and CpuSquaredNorm, one file per family. The reference of all of them is
// ScalarLatentKernels in tests/FlowBP.Kernels.References.

using System.Numerics;

namespace FlowBP.Kernels;

/// <summary>Vectorised and parallel kernels; the numbers of the scalar reference, bit for bit.</summary>
public sealed unsafe class CpuLatentKernels : ILatentKernels
{
    private readonly int _maxThreads;

    /// <summary>Kernels on all cores.</summary>
    public CpuLatentKernels()
        : this(Environment.ProcessorCount) { }

    /// <summary>Kernels on some of the cores.</summary>
    /// <param name="maxThreads">Threads used at most; results don't depend on it.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxThreads"/> is below 1.</exception>
    public CpuLatentKernels(int maxThreads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxThreads, 1);
        _maxThreads = maxThreads;
    }

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
        Quadrature(x_TBE, start_B, v_TBE, index_BK, weight_BK, target: [], residual: [], out_BE);
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
        residual_B.Clear();
        Quadrature(x_TBE, start_B, v_TBE, index_BK, weight_BK, target_B, residual_B, out_BE);
    }

    // Without targets (a replay) no distances are summed.
    private void Quadrature(
        LatentBuffer x,
        ReadOnlySpan<int> start,
        LatentBuffer v,
        ReadOnlySpan<int> index,
        ReadOnlySpan<double> weight,
        ReadOnlySpan<int> target,
        Span<double> residual,
        LatentBuffer? destination
    )
    {
        if (x.Batch == 0 || x.Elements == 0)
        {
            return;
        }
        switch (x.Type)
        {
            case LatentType.Float64:
                Run(new CpuQuadrature<NativeStorage<double>, double>(x, start, v, index, weight), target, residual);
                break;
            case LatentType.Float32:
                Run(new CpuQuadrature<NativeStorage<float>, float>(x, start, v, index, weight), target, residual);
                break;
            default:
                Run(new CpuQuadrature<BFloat16Storage, float>(x, start, v, index, weight), target, residual);
                break;
        }

        void Run<TStorage, T>(CpuQuadrature<TStorage, T> call, ReadOnlySpan<int> target, Span<double> residual)
            where TStorage : struct, ILatentStorage<T>
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            call.Destination = destination;
            call.CompareWith(target);
            BlockLoop.Run(call.Tiles, call.BytesPerTile, _maxThreads, call.Run);
            call.ReadDistances(residual);
        }
    }

    /// <inheritdoc/>
    public void ScaleCotangent(LatentBuffer g_BE, ReadOnlySpan<double> scale_B, LatentBuffer u_BE)
    {
        KernelArguments.CheckScaling(g_BE, scale_B.Length, u_BE);
        if (g_BE.Batch == 0 || g_BE.Elements == 0)
        {
            return;
        }
        switch (g_BE.Type, u_BE.Type)
        {
            case (LatentType.Float64, _):
                Scale<NativeStorage<double>, NativeStorage<double>, double>(g_BE, scale_B, u_BE);
                break;
            case (LatentType.Float32, LatentType.Float32):
                Scale<NativeStorage<float>, NativeStorage<float>, float>(g_BE, scale_B, u_BE);
                break;
            case (LatentType.Float32, _):
                Scale<NativeStorage<float>, BFloat16Storage, float>(g_BE, scale_B, u_BE);
                break;
            case (_, LatentType.Float32):
                Scale<BFloat16Storage, NativeStorage<float>, float>(g_BE, scale_B, u_BE);
                break;
            default:
                Scale<BFloat16Storage, BFloat16Storage, float>(g_BE, scale_B, u_BE);
                break;
        }
    }

    private void Scale<TSource, TDestination, T>(LatentBuffer g, ReadOnlySpan<double> scale, LatentBuffer u)
        where TSource : struct, ILatentStorage<T>
        where TDestination : struct, ILatentStorage<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var call = new CpuScaling<TSource, TDestination, T>(g, scale, u);
        BlockLoop.Run(call.Blocks, call.BytesPerBlock, _maxThreads, call.Run);
    }

    /// <inheritdoc/>
    public void AdamWEma(ReadOnlySpan<AdamWEmaTensor> tensors, in AdamWEmaStep step)
    {
        KernelArguments.CheckAdamW(tensors, step);
        var rows = tensors.ToArray();
        var blocks = new FlatBlocks(Array.ConvertAll(rows, tensor => tensor.Count), Tile.Elements);
        var float64 = AdamWEmaConstants<double>.Of(step);
        var float32 = AdamWEmaConstants<float>.Of(step);
        BlockLoop.Run(
            blocks.Count,
            blocks.ElementsPerBlock * CpuAdamWEma.BytesPerElement,
            _maxThreads,
            (begin, end) =>
            {
                for (var block = begin; block < end; block++)
                {
                    var (row, blockOfRow) = blocks.Locate(block);
                    if (rows[row].Type == LatentType.Float64)
                    {
                        CpuAdamWEma.UpdateBlock(rows[row], float64, blockOfRow);
                    }
                    else
                    {
                        CpuAdamWEma.UpdateBlock(rows[row], float32, blockOfRow);
                    }
                }
            }
        );
    }

    /// <inheritdoc/>
    public void SquaredNorms(ReadOnlySpan<GradientBuffer> gradients, Span<double> squaredNorms)
    {
        KernelArguments.CheckGradients(gradients, squaredNorms.Length);
        var rows = gradients.ToArray();
        var spans = new FlatBlocks(Array.ConvertAll(rows, gradient => gradient.Count), GradientSpans.Elements);
        var partials = new double[spans.Count];
        BlockLoop.Run(
            spans.Count,
            spans.ElementsPerBlock * sizeof(float),
            _maxThreads,
            (begin, end) =>
            {
                for (var span = begin; span < end; span++)
                {
                    var (row, spanOfRow) = spans.Locate(span);
                    partials[span] = CpuSquaredNorm.OfSpan(rows[row], spanOfRow);
                }
            }
        );
        GradientSpans.AddUp(gradients, partials, squaredNorms);
    }
}
