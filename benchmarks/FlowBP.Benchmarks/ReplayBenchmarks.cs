// Replay of a whole rollout: 25 steps of 4 M bf16 elements (16 samples of 64 × 64 × 64, one SD3.5 latent at 512 pixels
// is a quarter of such a sample). Fused, 27 latents cross memory once; step by step, each of 25 updates reads two latents
// and writes one.

using BenchmarkDotNet.Attributes;
using FlowBP.Kernels;

namespace FlowBP.Benchmarks;

public class ReplayBenchmarks : IDisposable
{
    internal const string Title = "Replay, 4 194 304 elements × 25 steps, bf16";

    private const int Steps = 25;
    private const int Batch = 16;
    private const long Elements = 1 << 18;
    private const double StepSize = -1.0 / Steps;
    private const double FusedBytes = 2.0 * Batch * Elements * (Steps + 2);

    private readonly CpuLatentKernels _vectorised = new();
    private readonly CpuLatentKernels _oneThread = new(maxThreads: 1);
    private readonly ScalarLatentKernels _scalar = new();
    private readonly Tensor _x_TBE = BenchmarkLatents.BFloat16(1, Batch, Elements);
    private readonly Tensor _v_TBE = BenchmarkLatents.BFloat16(Steps, Batch, Elements);
    private readonly Tensor _out_TBE = BenchmarkLatents.BFloat16(1, Batch, Elements);
    private readonly Tensor[] _x_BE;
    private readonly Tensor[] _v_BE;
    private readonly int[] _start_B = new int[Batch];
    private readonly int[] _index_BK = [.. Enumerable.Range(0, Batch * Steps).Select(i => i % Steps)];
    private readonly double[] _weight_BK = [.. Enumerable.Repeat(StepSize, Batch * Steps)];

    public ReplayBenchmarks()
    {
        _x_BE = [_x_TBE[0]];
        _v_BE = [.. Enumerable.Range(0, Steps).Select(t => _v_TBE[t])];
    }

    internal Variant[] Variants() =>
        [
            new("fused, vectorised", FusedBytes, Vectorised),
            new("fused, vectorised, one thread", FusedBytes, VectorisedOneThread),
            new("libtorch, x = x + h·v", FusedBytes, LibtorchExpression),
            new("libtorch, x = x.add(v, alpha: h)", FusedBytes, LibtorchAdd),
            new("libtorch, x.add_(v, alpha: h) on a clone", FusedBytes, LibtorchAddInPlace),
            new("libtorch, sum in fp32, rounded once", FusedBytes, LibtorchFloat32),
            new("reading the velocities, nothing else", 2.0 * Batch * Elements * Steps, ReadOnly),
        ];

    [Benchmark(Baseline = true)]
    public void Vectorised() => Replay(_vectorised);

    [Benchmark]
    public void VectorisedOneThread() => Replay(_oneThread);

    [Benchmark]
    public void Scalar() => Replay(_scalar);

    // As a sampler's step is usually written: two operators, each of which rounds to bf16.
    [Benchmark]
    public void LibtorchExpression() => StepByStep((x_BE, v_BE) => x_BE + (v_BE * StepSize));

    // The same in one operator, which rounds once per step.
    [Benchmark]
    public void LibtorchAdd() => StepByStep((x_BE, v_BE) => x_BE.add(v_BE, alpha: StepSize));

    private void StepByStep(Func<Tensor, Tensor, Tensor> step)
    {
        using var noGrad = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var x_BE = _x_BE[0];
        foreach (var v_BE in _v_BE)
        {
            using var temporaries = torch.NewDisposeScope();
            var next_BE = step(x_BE, v_BE).MoveToOuterDisposeScope();
            if (!ReferenceEquals(x_BE, _x_BE[0]))
            {
                x_BE.Dispose();
            }
            x_BE = next_BE;
        }
    }

    [Benchmark]
    public void LibtorchAddInPlace()
    {
        using var noGrad = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var x_BE = _x_BE[0].clone();
        foreach (var v_BE in _v_BE)
        {
            x_BE.add_(v_BE, alpha: StepSize);
        }
    }

    // What the fused replay computes, up to fp32 rounding: one rounding to bf16 at the end.
    [Benchmark]
    public void LibtorchFloat32()
    {
        using var noGrad = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var x_BE = _x_BE[0].to(ScalarType.Float32);
        foreach (var v_BE in _v_BE)
        {
            x_BE.add_(v_BE, alpha: StepSize);
        }
        _ = x_BE.to(ScalarType.BFloat16);
    }

    [Benchmark]
    public unsafe void ReadOnly() =>
        MemoryBandwidth.Read((byte*)TensorPointer.Of(_v_TBE), 2L * Batch * Elements * Steps);

    private void Replay(ILatentKernels kernels) =>
        kernels.Replay(
            BenchmarkLatents.View(_x_TBE),
            _start_B,
            BenchmarkLatents.View(_v_TBE),
            _index_BK,
            _weight_BK,
            BenchmarkLatents.View(_out_TBE)
        );

    [GlobalCleanup]
    public void Dispose()
    {
        foreach (var tensor in (Tensor[])[.. _x_BE, .. _v_BE, _x_TBE, _v_TBE, _out_TBE])
        {
            tensor.Dispose();
        }
        GC.SuppressFinalize(this);
    }
}
