using FlowBP.Kernels;

namespace FlowBP.Benchmarks.Cuda.Tests;

/// <summary>A faulty implementation: it scales by half of what it is told. Everything else it does right.</summary>
internal sealed class Halving : ILatentKernels
{
    private readonly ScalarLatentKernels _kernels = new();

    public void ScaleCotangent(LatentBuffer g_BE, ReadOnlySpan<double> scale_B, LatentBuffer u_BE)
    {
        double[] halves = [.. scale_B.ToArray().Select(scale => scale / 2)];
        _kernels.ScaleCotangent(g_BE, halves, u_BE);
    }

    public void Replay(
        LatentBuffer x_TBE,
        ReadOnlySpan<int> start_B,
        LatentBuffer v_TBE,
        ReadOnlySpan<int> index_BK,
        ReadOnlySpan<double> weight_BK,
        LatentBuffer out_BE
    ) => _kernels.Replay(x_TBE, start_B, v_TBE, index_BK, weight_BK, out_BE);

    public void QuadratureResidual(
        LatentBuffer x_TBE,
        ReadOnlySpan<int> start_B,
        LatentBuffer v_TBE,
        ReadOnlySpan<int> index_BK,
        ReadOnlySpan<double> weight_BK,
        ReadOnlySpan<int> target_B,
        Span<double> residual_B,
        LatentBuffer? out_BE = null
    ) => _kernels.QuadratureResidual(x_TBE, start_B, v_TBE, index_BK, weight_BK, target_B, residual_B, out_BE);

    public void AdamWEma(ReadOnlySpan<AdamWEmaTensor> tensors, in AdamWEmaStep step) =>
        _kernels.AdamWEma(tensors, step);

    public void SquaredNorms(ReadOnlySpan<GradientBuffer> gradients, Span<double> squaredNorms) =>
        _kernels.SquaredNorms(gradients, squaredNorms);
}
