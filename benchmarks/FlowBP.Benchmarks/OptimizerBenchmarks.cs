// The optimizer step over 8 M fp32 parameters with moving average and bf16 copy, against the same arithmetic in tensor
// operations.

using BenchmarkDotNet.Attributes;
using FlowBP.Kernels;

namespace FlowBP.Benchmarks;

public class OptimizerBenchmarks : IDisposable
{
    internal const string Title = "Norm, clipping, AdamW, EMA and bf16 copy of 8 388 608 fp32 parameters";

    private const long Count = 1 << 23;

    // The norm reads the gradient (4 bytes); the step reads 20 bytes and writes 18.
    private const double FusedBytes = 42.0 * Count;

    private readonly CpuLatentKernels _vectorised = new();
    private readonly ScalarLatentKernels _scalar = new();
    private readonly Tensor _parameter = torch.ones([Count]);
    private readonly Tensor _gradient = torch.full([Count], 1e-4);
    private readonly Tensor _expAvg = torch.zeros([Count]);
    private readonly Tensor _expAvgSq = torch.zeros([Count]);
    private readonly Tensor _ema = torch.ones([Count]);
    private readonly Tensor _copy = torch.zeros([Count], dtype: ScalarType.BFloat16);
    private readonly AdamWEmaStep _step = new(1000, 1e-5, 0.9, 0.999, 1e-8, 1e-4, 0.995);

    internal Variant[] Variants() =>
        [
            new("fused, vectorised", FusedBytes, Vectorised),
            new("libtorch, one operation after another", FusedBytes, Libtorch),
            new("reading one buffer, nothing else", 4.0 * Count, ReadOnly),
        ];

    [Benchmark(Baseline = true)]
    public void Vectorised() => Step(_vectorised);

    [Benchmark]
    public void Scalar() => Step(_scalar);

    [Benchmark]
    public void Libtorch()
    {
        using var noGrad = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var norm = _gradient.norm().item<float>();
        _gradient.mul_(AdamWEmaStep.ClipFactor(norm, 1));
        _parameter.mul_(1 - (_step.LearningRate * _step.WeightDecay));
        _expAvg.lerp_(_gradient, 1 - _step.Beta1);
        _expAvgSq.mul_(_step.Beta2).addcmul_(_gradient, _gradient, 1 - _step.Beta2);
        var denominator = _expAvgSq
            .sqrt()
            .mul_(1 / Math.Sqrt(1 - Math.Pow(_step.Beta2, _step.Step)))
            .add_(_step.Epsilon);
        _parameter.addcdiv_(_expAvg, denominator, -_step.LearningRate / (1 - Math.Pow(_step.Beta1, _step.Step)));
        _ema.lerp_(_parameter, 1 - _step.EmaDecay);
        _copy.copy_(_parameter);
    }

    [Benchmark]
    public unsafe void ReadOnly() => MemoryBandwidth.Read((byte*)TensorPointer.Of(_gradient), 4 * Count);

    private unsafe void Step(ILatentKernels kernels)
    {
        var gradient = (void*)TensorPointer.Of(_gradient);
        var norm = Math.Sqrt(kernels.SquaredNorm([new GradientBuffer(gradient, LatentType.Float32, Count)]));
        var tensor = new AdamWEmaTensor
        {
            Type = LatentType.Float32,
            Count = Count,
            Parameter = (void*)TensorPointer.Of(_parameter),
            Gradient = gradient,
            ExpAvg = (void*)TensorPointer.Of(_expAvg),
            ExpAvgSq = (void*)TensorPointer.Of(_expAvgSq),
            Ema = (void*)TensorPointer.Of(_ema),
            BFloat16Copy = (void*)TensorPointer.Of(_copy),
        };
        kernels.AdamWEma([tensor], _step with { GradientFactor = AdamWEmaStep.ClipFactor(norm, 1) });
    }

    [GlobalCleanup]
    public void Dispose()
    {
        foreach (var tensor in (Tensor[])[_parameter, _gradient, _expAvg, _expAvgSq, _ema, _copy])
        {
            tensor.Dispose();
        }
        GC.SuppressFinalize(this);
    }
}
