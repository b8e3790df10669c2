// What is measured. Shape legend: T steps, B batch, E elements of a latent, L tokens, D width, H heads, K width of a head.

using FlowBP.Kernels;

namespace FlowBP.Benchmarks.Gpu;

/// <summary>Makes the cases.</summary>
internal static unsafe class GpuCases
{
    private const ScalarType Type = ScalarType.BFloat16;
    private const int Size = 2;

    /// <summary>All of them by name, in the order of the report.</summary>
    public static IReadOnlyDictionary<string, Func<KernelSet, CaseSize, GpuCase>> All { get; } =
        new Dictionary<string, Func<KernelSet, CaseSize, GpuCase>>
        {
            ["replay"] = Replay,
            ["quadrature_residual"] = QuadratureResidual,
            ["scale_cotangent"] = ScaleCotangent,
            ["adamw_ema"] = AdamWEma,
            ["squared_norm"] = SquaredNorm,
            ["adaln_modulate"] = AdalnModulate,
            ["gated_residual"] = GatedResidual,
            ["qk_norm_rope"] = QkNormRope,
            ["guided_euler_step"] = GuidedEulerStep,
        };

    private static T Pick<T>(CaseSize size, T tiny, T small, T large) =>
        size switch
        {
            CaseSize.Tiny => tiny,
            CaseSize.Small => small,
            _ => large,
        };

    private static void* Pointer(Tensor tensor) => (void*)TensorPointer.Of(tensor);

    private static LatentBuffer Latent(Tensor tensor, long steps, long batch, long elements) =>
        new(Pointer(tensor), LatentType.BFloat16, steps, batch, elements);

    private static GpuCase Replay(KernelSet kernels, CaseSize size)
    {
        var (steps, batch, elements) = Pick(size, (3, 2, 40L), (25, 8, 16L * 64 * 64), (25, 8, 16L * 512 * 512));
        var x = Inputs.Make(kernels.Device, Type, 1, batch, elements);
        var v = Inputs.Make(kernels.Device, Type, 2, steps, batch, elements);
        var fused = torch.zeros_like(x);
        var eager = torch.zeros_like(x);
        var step = -1.0 / steps;
        var start = new int[batch];
        int[] index = [.. Enumerable.Range(0, batch).SelectMany(_ => Enumerable.Range(0, steps))];
        double[] weight = [.. index.Select(_ => step)];
        return new()
        {
            Name = "replay",
            Shape = $"{steps} steps of {batch} × {elements} bf16",
            Bytes = (double)(steps + 2) * batch * elements * Size,
            Owned = [x, v, fused, eager],
            Tolerance = 0.05,
            Fused = () =>
                kernels.Latents.Replay(
                    Latent(x, 1, batch, elements),
                    start,
                    Latent(v, steps, batch, elements),
                    index,
                    weight,
                    Latent(fused, 1, batch, elements)
                ),
            Eager = () =>
            {
                using var noGrad = torch.no_grad();
                using var scope = torch.NewDisposeScope();
                eager.copy_(x);
                for (var t = 0; t < steps; t++)
                {
                    eager.add_(v.select(0, t), step);
                }
            },
            FusedResults = () => [fused],
            EagerResults = () => [eager],
        };
    }

    private static GpuCase QuadratureResidual(KernelSet kernels, CaseSize size)
    {
        var (steps, batch, elements) = Pick(size, (3, 2, 40L), (25, 8, 16L * 64 * 64), (25, 8, 16L * 512 * 512));
        var x = Inputs.Make(kernels.Device, Type, 1, 2, batch, elements);
        var v = Inputs.Make(kernels.Device, Type, 2, steps, batch, elements);
        var running = torch.zeros([batch, elements], Type, kernels.Device);
        var eager = torch.zeros([batch], ScalarType.Float32, kernels.Device);
        var residual = new double[batch];
        var fused = torch.zeros([batch], ScalarType.Float64);
        var step = -1.0 / steps;
        var start = new int[batch];
        int[] goal = [.. start.Select(_ => 1)];
        int[] index = [.. Enumerable.Range(0, batch).SelectMany(_ => Enumerable.Range(0, steps))];
        double[] weight = [.. index.Select(_ => step)];
        return new()
        {
            Name = "quadrature_residual",
            Shape = $"{steps} steps of {batch} × {elements} bf16",
            Bytes = (double)(steps + 2) * batch * elements * Size,
            Owned = [x, v, running, eager, fused],
            Tolerance = 0.05,
            CanBeCaptured = false,
            Fused = () =>
            {
                kernels.Latents.QuadratureResidual(
                    Latent(x, 2, batch, elements),
                    start,
                    Latent(v, steps, batch, elements),
                    index,
                    weight,
                    goal,
                    residual
                );
                residual.CopyTo(new Span<double>(Pointer(fused), batch));
            },
            Eager = () =>
            {
                using var noGrad = torch.no_grad();
                using var scope = torch.NewDisposeScope();
                running.copy_(x.select(0, 0));
                for (var t = 0; t < steps; t++)
                {
                    running.add_(v.select(0, t), step);
                }
                eager.copy_((running - x.select(0, 1)).@float().abs().mean([1]));
                _ = eager.cpu();
            },
            FusedResults = () => [fused],
            EagerResults = () => [eager.cpu()],
        };
    }

    private static GpuCase ScaleCotangent(KernelSet kernels, CaseSize size)
    {
        var (batch, elements) = Pick(size, (2, 40L), (8, 16L * 64 * 64), (8, 1L << 25));
        var g = Inputs.Make(kernels.Device, Type, 1, batch, elements);
        var fused = torch.zeros_like(g);
        var eager = new FreshResult();
        double[] scale = [.. Enumerable.Range(0, batch).Select(b => 0.5 + (0.25 * b))];
        using var factors = torch.tensor([.. scale.Select(value => (float)value)]);
        var factor = factors.to(Type).to(kernels.Device).view(batch, 1);
        return new()
        {
            Name = "scale_cotangent",
            Shape = $"{batch} × {elements} bf16",
            Bytes = 2.0 * batch * elements * Size,
            Owned = [g, fused, eager, factor],
            Tolerance = 0.01,
            Fused = () =>
                kernels.Latents.ScaleCotangent(Latent(g, 1, batch, elements), scale, Latent(fused, 1, batch, elements)),
            Eager = () =>
            {
                using var noGrad = torch.no_grad();
                using var scope = torch.NewDisposeScope();
                eager.Keep(g * factor);
            },
            FusedResults = () => [fused],
            EagerResults = () => [eager.Tensor],
        };
    }

    private static GpuCase AdamWEma(KernelSet kernels, CaseSize size)
    {
        const double bytesPerElement = 38;
        var count = Pick(size, 1000L, 1L << 19, 1L << 27);
        var state = Enumerable
            .Range(0, 5)
            .Select(i => Inputs.Make(kernels.Device, ScalarType.Float32, i + 1, count))
            .ToArray();
        // A second moment is not negative.
        state[3].abs_();
        // What is updated in place is kept where it is compared, not where it is timed.
        var kept = size == CaseSize.Large ? [] : state.Select(tensor => tensor.clone()).ToArray();
        var copy = torch.zeros([count], Type, kernels.Device);
        var (parameter, gradient, expAvg, expAvgSq, ema) = (state[0], state[1], state[2], state[3], state[4]);
        var step = new AdamWEmaStep(1000, 1e-3, 0.9, 0.999, 1e-8, 1e-4, 0.995, 0.5);
        return new()
        {
            Name = "adamw_ema",
            Shape = $"{count} fp32",
            Bytes = bytesPerElement * count,
            Owned = [.. state, .. kept, copy],
            Tolerance = 0.01,
            Restore = () =>
            {
                foreach (var (tensor, before) in state.Zip(kept))
                {
                    tensor.copy_(before);
                }
            },
            Fused = () =>
                kernels.Latents.AdamWEma(
                    [
                        new AdamWEmaTensor
                        {
                            Type = LatentType.Float32,
                            Count = count,
                            Parameter = Pointer(parameter),
                            Gradient = Pointer(gradient),
                            ExpAvg = Pointer(expAvg),
                            ExpAvgSq = Pointer(expAvgSq),
                            Ema = Pointer(ema),
                            BFloat16Copy = Pointer(copy),
                        },
                    ],
                    step
                ),
            Eager = () =>
            {
                using var noGrad = torch.no_grad();
                using var scope = torch.NewDisposeScope();
                // Out of place: the fused step leaves the gradient as it is.
                var clipped = gradient * step.GradientFactor;
                parameter.mul_(1 - (step.LearningRate * step.WeightDecay));
                expAvg.lerp_(clipped, 1 - step.Beta1);
                expAvgSq.mul_(step.Beta2).addcmul_(clipped, clipped, 1 - step.Beta2);
                var denominator = expAvgSq
                    .sqrt()
                    .mul_(1 / Math.Sqrt(1 - Math.Pow(step.Beta2, step.Step)))
                    .add_(step.Epsilon);
                parameter.addcdiv_(expAvg, denominator, -step.LearningRate / (1 - Math.Pow(step.Beta1, step.Step)));
                ema.lerp_(parameter, 1 - step.EmaDecay);
                copy.copy_(parameter);
            },
            FusedResults = () => [parameter, expAvg, expAvgSq, ema, copy],
            EagerResults = () => [parameter, expAvg, expAvgSq, ema, copy],
        };
    }

    private static GpuCase SquaredNorm(KernelSet kernels, CaseSize size)
    {
        var count = Pick(size, 1000L, 1L << 19, 1L << 29);
        var gradient = Inputs.Make(kernels.Device, ScalarType.Float32, 1, count);
        var fused = torch.zeros([1], ScalarType.Float64);
        var eager = torch.zeros([1], ScalarType.Float64);
        return new()
        {
            Name = "squared_norm",
            Shape = $"{count} fp32",
            Bytes = 4.0 * count,
            Owned = [gradient, fused, eager],
            Tolerance = 1e-3,
            CanBeCaptured = false,
            Fused = () =>
                *(double*)Pointer(fused) = kernels.Latents.SquaredNorm([
                    new GradientBuffer(Pointer(gradient), LatentType.Float32, count),
                ]),
            Eager = () =>
            {
                using var noGrad = torch.no_grad();
                using var scope = torch.NewDisposeScope();
                double norm = gradient.norm().cpu().item<float>();
                *(double*)Pointer(eager) = norm * norm;
            },
            FusedResults = () => [fused],
            EagerResults = () => [eager],
        };
    }

    private static GpuCase AdalnModulate(KernelSet kernels, CaseSize size)
    {
        const double epsilon = 1e-6;
        var (batch, tokens, width) = Pick(size, (2L, 3L, 40L), (8, 1024, 1536), (16, 4096, 3072));
        var x = Inputs.Make(kernels.Device, Type, 1, batch, tokens, width);
        var scale = Inputs.Make(kernels.Device, Type, 2, batch, width);
        var shift = Inputs.Make(kernels.Device, Type, 3, batch, width);
        var fused = torch.zeros_like(x);
        var eager = new FreshResult();
        return new()
        {
            Name = "adaln_modulate",
            Shape = $"{batch} × {tokens} × {width} bf16",
            Bytes = 2.0 * batch * tokens * width * Size,
            Owned = [x, scale, shift, fused, eager],
            Tolerance = 0.02,
            Fused = () =>
                kernels.Rollout.AdalnModulate(Tokens(x), Modulation(scale), Modulation(shift), epsilon, Tokens(fused)),
            Eager = () =>
            {
                using var noGrad = torch.no_grad();
                using var scope = torch.NewDisposeScope();
                var norm = F.layer_norm(x, [width], eps: epsilon);
                eager.Keep((norm * (1 + scale.unsqueeze(1))) + shift.unsqueeze(1));
            },
            FusedResults = () => [fused],
            EagerResults = () => [eager.Tensor],
        };
    }

    private static GpuCase GatedResidual(KernelSet kernels, CaseSize size)
    {
        var (batch, tokens, width) = Pick(size, (2L, 3L, 40L), (8, 1024, 1536), (16, 4096, 3072));
        var x = Inputs.Make(kernels.Device, Type, 1, batch, tokens, width);
        var y = Inputs.Make(kernels.Device, Type, 2, batch, tokens, width);
        var gate = Inputs.Make(kernels.Device, Type, 3, batch, width);
        var fused = torch.zeros_like(x);
        var eager = new FreshResult();
        return new()
        {
            Name = "gated_residual",
            Shape = $"{batch} × {tokens} × {width} bf16",
            Bytes = 3.0 * batch * tokens * width * Size,
            Owned = [x, y, gate, fused, eager],
            Tolerance = 0.02,
            Fused = () => kernels.Rollout.GatedResidual(Tokens(x), Modulation(gate), Tokens(y), Tokens(fused)),
            Eager = () =>
            {
                using var noGrad = torch.no_grad();
                using var scope = torch.NewDisposeScope();
                eager.Keep(x + (gate.unsqueeze(1) * y));
            },
            FusedResults = () => [fused],
            EagerResults = () => [eager.Tensor],
        };
    }

    private static GpuCase QkNormRope(KernelSet kernels, CaseSize size)
    {
        const double epsilon = 1e-6;
        var (batch, tokens, heads, width) = Pick(size, (2L, 3L, 2, 8), (8L, 1024L, 24, 64), (16L, 4096L, 48, 64));
        var x = Inputs.Make(kernels.Device, Type, 1, batch, tokens, heads, width);
        var weight = Inputs.Make(kernels.Device, Type, 2, width);
        var cosine = Inputs.Make(kernels.Device, ScalarType.Float32, 3, tokens, width / 2);
        var sine = Inputs.Make(kernels.Device, ScalarType.Float32, 4, tokens, width / 2);
        var fused = torch.zeros_like(x);
        var eager = new FreshResult();
        return new()
        {
            Name = "qk_norm_rope",
            Shape = $"{batch} × {tokens} × {heads} × {width} bf16",
            Bytes = 2.0 * batch * tokens * heads * width * Size,
            Owned = [x, weight, cosine, sine, fused, eager],
            Tolerance = 0.03,
            Fused = () =>
                kernels.Rollout.QkNormRope(
                    Heads(x),
                    Pointer(weight),
                    (float*)Pointer(cosine),
                    (float*)Pointer(sine),
                    epsilon,
                    Heads(fused)
                ),
            Eager = () =>
            {
                using var noGrad = torch.no_grad();
                using var scope = torch.NewDisposeScope();
                var wide = x.@float();
                var inverse = wide.square().mean([-1], keepdim: true).add_(epsilon).rsqrt_();
                var norm = ((wide * inverse).to(Type) * weight).@float().view(batch, tokens, heads, width / 2, 2);
                var (even, odd) = (norm.select(-1, 0), norm.select(-1, 1));
                var (c, s) = (cosine.unsqueeze(1), sine.unsqueeze(1));
                eager.Keep(torch.stack([(even * c) - (odd * s), (odd * c) + (even * s)], -1).flatten(-2).to(Type));
            },
            FusedResults = () => [fused],
            EagerResults = () => [eager.Tensor],
        };

        HeadBuffer Heads(Tensor tensor) =>
            HeadBuffer.Contiguous(Pointer(tensor), LatentType.BFloat16, batch, tokens, heads, width);
    }

    private static GpuCase GuidedEulerStep(KernelSet kernels, CaseSize size)
    {
        const double guidance = 4.5;
        const double step = -0.04;
        var (batch, elements) = Pick(size, (2, 40L), (8, 16L * 64 * 64), (8, 1L << 24));
        var conditional = Inputs.Make(kernels.Device, Type, 1, batch, elements);
        var negative = Inputs.Make(kernels.Device, Type, 2, batch, elements);
        var x = Inputs.Make(kernels.Device, Type, 3, batch, elements);
        var (v, next) = (torch.zeros_like(x), torch.zeros_like(x));
        var (eagerV, eagerNext) = (torch.zeros_like(x), torch.zeros_like(x));
        int[] samples = [.. Enumerable.Range(0, batch)];
        return new()
        {
            Name = "guided_euler_step",
            Shape = $"{batch} × {elements} bf16",
            Bytes = 5.0 * batch * elements * Size,
            Owned = [conditional, negative, x, v, next, eagerV, eagerNext],
            Tolerance = 0.02,
            Fused = () =>
                kernels.Rollout.GuidedEulerStep(
                    Latent(conditional, 1, batch, elements),
                    Latent(negative, 1, batch, elements),
                    guidance,
                    samples,
                    Latent(x, 1, batch, elements),
                    step,
                    Latent(v, 1, batch, elements),
                    Latent(next, 1, batch, elements)
                ),
            Eager = () =>
            {
                using var noGrad = torch.no_grad();
                using var scope = torch.NewDisposeScope();
                eagerV.copy_(negative + ((conditional - negative) * guidance));
                eagerNext.copy_(x.add(eagerV, step));
            },
            FusedResults = () => [v, next],
            EagerResults = () => [eagerV, eagerNext],
        };
    }

    private static TokenBuffer Tokens(Tensor tensor) =>
        new(Pointer(tensor), LatentType.BFloat16, tensor.shape[0], tensor.shape[1], tensor.shape[2]);

    private static ModulationBuffer Modulation(Tensor tensor) =>
        new(Pointer(tensor), LatentType.BFloat16, tensor.shape[0], tensor.shape[1], tensor.shape[1]);
}
