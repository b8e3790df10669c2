// The deviation of a Lagrange leap: three supports, compared with a cached state, nothing written.

using BenchmarkDotNet.Attributes;
using FlowBP.Kernels;

namespace FlowBP.Benchmarks;

public class ResidualBenchmarks : IDisposable
{
    internal const string Title = "Quadrature residual, 4 194 304 elements, three supports, bf16";

    private const int Supports = 3;
    private const int Batch = 16;
    private const long Elements = 1 << 18;
    private const double FusedBytes = 2.0 * Batch * Elements * (Supports + 2);

    private readonly CpuLatentKernels _vectorised = new();
    private readonly ScalarLatentKernels _scalar = new();
    private readonly Tensor _x_TBE = BenchmarkLatents.BFloat16(2, Batch, Elements);
    private readonly Tensor _v_TBE = BenchmarkLatents.BFloat16(Supports, Batch, Elements);
    private readonly Tensor[] _x_BE;
    private readonly Tensor[] _v_BE;
    private readonly int[] _start_B = new int[Batch];
    private readonly int[] _target_B = [.. Enumerable.Repeat(1, Batch)];
    private readonly int[] _index_BK = [.. Enumerable.Range(0, Batch * Supports).Select(i => i % Supports)];
    private readonly double[] _weight_BK = [.. Enumerable.Repeat(-0.1, Batch * Supports)];
    private readonly double[] _residual_B = new double[Batch];

    public ResidualBenchmarks()
    {
        _x_BE = [_x_TBE[0], _x_TBE[1]];
        _v_BE = [.. Enumerable.Range(0, Supports).Select(t => _v_TBE[t])];
    }

    internal Variant[] Variants() =>
        [
            new("fused, vectorised", FusedBytes, Vectorised),
            new("libtorch, sum in fp32, mean of the distance", FusedBytes, Libtorch),
            new("reading as many bytes, nothing else", 2.0 * Batch * Elements * Supports, ReadOnly),
        ];

    [Benchmark(Baseline = true)]
    public void Vectorised() => Residual(_vectorised);

    [Benchmark]
    public void Scalar() => Residual(_scalar);

    [Benchmark]
    public void Libtorch()
    {
        using var noGrad = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var xHat_BE = _x_BE[0].to(ScalarType.Float32);
        foreach (var v_BE in _v_BE)
        {
            xHat_BE.add_(v_BE, alpha: -0.1);
        }
        _ = xHat_BE.sub_(_x_BE[1]).abs().mean([1L]);
    }

    [Benchmark]
    public unsafe void ReadOnly() =>
        MemoryBandwidth.Read((byte*)TensorPointer.Of(_v_TBE), 2L * Batch * Elements * Supports);

    private void Residual(ILatentKernels kernels) =>
        kernels.QuadratureResidual(
            BenchmarkLatents.View(_x_TBE),
            _start_B,
            BenchmarkLatents.View(_v_TBE),
            _index_BK,
            _weight_BK,
            _target_B,
            _residual_B
        );

    [GlobalCleanup]
    public void Dispose()
    {
        foreach (var tensor in (Tensor[])[.. _x_BE, .. _v_BE, _x_TBE, _v_TBE])
        {
            tensor.Dispose();
        }
        GC.SuppressFinalize(this);
    }
}
