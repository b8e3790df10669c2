// Kernels work on raw pointers: a wrong index reads foreign memory instead of failing. So everything is checked once, in
// front of every implementation, with messages that name what was found and what was expected.

namespace FlowBP.Kernels;

internal static unsafe class KernelArguments
{
    /// <summary>Checks the arguments of <see cref="ILatentKernels.Replay"/>.</summary>
    internal static void CheckReplay(
        LatentBuffer x,
        ReadOnlySpan<int> start,
        LatentBuffer v,
        ReadOnlySpan<int> index,
        ReadOnlySpan<double> weight,
        LatentBuffer destination
    )
    {
        CheckQuadrature(x, start, v, index, weight);
        CheckSingleStep(destination, x, "out_BE");
    }

    /// <summary>Checks the arguments of <see cref="ILatentKernels.QuadratureResidual"/>.</summary>
    internal static void CheckResidual(
        LatentBuffer x,
        ReadOnlySpan<int> start,
        LatentBuffer v,
        ReadOnlySpan<int> index,
        ReadOnlySpan<double> weight,
        ReadOnlySpan<int> target,
        int residuals,
        LatentBuffer? destination
    )
    {
        CheckQuadrature(x, start, v, index, weight);
        CheckSteps(target, x, "target_B");
        CheckPerSample(residuals, x, "residual_B");
        if (destination is { } out_BE)
        {
            CheckSingleStep(out_BE, x, "out_BE");
        }
    }

    /// <summary>Checks the arguments of <see cref="ILatentKernels.ScaleCotangent"/>.</summary>
    internal static void CheckScaling(LatentBuffer g, int scales, LatentBuffer u)
    {
        CheckBuffer(g, "g_BE");
        CheckPerSample(scales, g, "scale_B");
        CheckBuffer(u, "u_BE");
        var sameArithmetic = (g.Type == LatentType.Float64) == (u.Type == LatentType.Float64);
        if (g.Steps != 1 || u.Steps != 1 || u.Batch != g.Batch || u.Elements != g.Elements || !sameArithmetic)
        {
            throw new ArgumentException(
                $"g_BE is {g} and u_BE is {u}; expected both [1, B, E], and both or neither Float64"
            );
        }
    }

    private static void CheckQuadrature(
        LatentBuffer x,
        ReadOnlySpan<int> start,
        LatentBuffer v,
        ReadOnlySpan<int> index,
        ReadOnlySpan<double> weight
    )
    {
        CheckBuffer(x, "x_TBE");
        CheckBuffer(v, "v_TBE");
        if (v.Type != x.Type || v.Batch != x.Batch || v.Elements != x.Elements)
        {
            throw new ArgumentException(
                $"v_TBE is {v}; expected {x.Type}[T, {x.Batch}, {x.Elements}] to go with x_TBE"
            );
        }
        CheckSteps(start, x, "start_B");
        if (weight.Length != index.Length)
        {
            throw new ArgumentException($"weight_BK has {weight.Length} values for {index.Length} in index_BK");
        }
        if (x.Batch == 0 ? index.Length != 0 : index.Length % x.Batch != 0)
        {
            throw new ArgumentException(
                $"index_BK has {index.Length} values, which is no multiple of the batch size {x.Batch}"
            );
        }
        for (var i = 0; i < index.Length; i++)
        {
            if (index[i] < 0 || index[i] >= v.Steps)
            {
                var points = index.Length / (int)x.Batch;
                throw new ArgumentException(
                    $"index_BK[{i / points}, {i % points}] is {index[i]}; v_TBE has {v.Steps} steps"
                );
            }
        }
    }

    private static void CheckSteps(ReadOnlySpan<int> steps, LatentBuffer x, string name)
    {
        CheckPerSample(steps.Length, x, name);
        for (var b = 0; b < steps.Length; b++)
        {
            if (steps[b] < 0 || steps[b] >= x.Steps)
            {
                throw new ArgumentException($"{name}[{b}] is {steps[b]}; x_TBE has {x.Steps} steps");
            }
        }
    }

    private static void CheckSingleStep(LatentBuffer buffer, LatentBuffer like, string name)
    {
        CheckBuffer(buffer, name);
        if (
            buffer.Steps != 1
            || buffer.Batch != like.Batch
            || buffer.Elements != like.Elements
            || buffer.Type != like.Type
        )
        {
            throw new ArgumentException($"{name} is {buffer}; expected {like.Type}[1, {like.Batch}, {like.Elements}]");
        }
    }

    private static void CheckPerSample(int length, LatentBuffer buffer, string name)
    {
        if (length != buffer.Batch)
        {
            throw new ArgumentException($"{name} has {length} values for a batch of {buffer.Batch}");
        }
    }

    private static void CheckBuffer(LatentBuffer buffer, string name)
    {
        if (!Enum.IsDefined(buffer.Type) || buffer.Steps < 0 || buffer.Batch < 0 || buffer.Elements < 0)
        {
            throw new ArgumentException($"{name} is {buffer}, which is no latent buffer");
        }
        CheckMemory(buffer.Pointer, buffer.Type, buffer.Count, name);
    }

    /// <summary>Checks the tensors and numbers of an optimizer step.</summary>
    internal static void CheckAdamW(ReadOnlySpan<AdamWEmaTensor> tensors, in AdamWEmaStep step)
    {
        if (step.Step < 1)
        {
            throw new ArgumentException($"the optimizer's steps count from 1; found step {step.Step}");
        }
        // One number that is not finite would destroy every parameter: a NaN norm, through the clip factor, for one.
        CheckFinite(step.GradientFactor, "gradient factor");
        CheckFinite(step.LearningRate, "learning rate");
        CheckFinite(step.WeightDecay, "weight decay");
        CheckFinite(step.Epsilon, "epsilon");
        CheckDecay(step.Beta1, "beta1");
        CheckDecay(step.Beta2, "beta2");
        if (!(step.EmaDecay is >= 0 and <= 1))
        {
            throw new ArgumentException($"the EMA decay is {step.EmaDecay}; expected a number in [0, 1]");
        }
        for (var i = 0; i < tensors.Length; i++)
        {
            ref readonly var tensor = ref tensors[i];
            if (tensor.Type is not (LatentType.Float32 or LatentType.Float64) || tensor.Count < 0)
            {
                throw new ArgumentException(
                    $"tensor {i} is {tensor.Type}[{tensor.Count}]; parameters are updated in Float32 or Float64"
                );
            }
            CheckMemory(tensor.Parameter, tensor.Type, tensor.Count, $"the parameter of tensor {i}");
            CheckMemory(tensor.Gradient, tensor.Type, tensor.Count, $"the gradient of tensor {i}");
            CheckMemory(tensor.ExpAvg, tensor.Type, tensor.Count, $"the first moment of tensor {i}");
            CheckMemory(tensor.ExpAvgSq, tensor.Type, tensor.Count, $"the second moment of tensor {i}");
        }
    }

    /// <summary>Checks the buffers whose norm is taken.</summary>
    internal static void CheckGradients(ReadOnlySpan<GradientBuffer> gradients, int results)
    {
        if (results != gradients.Length)
        {
            throw new ArgumentException($"{results} results for {gradients.Length} gradients");
        }
        for (var i = 0; i < gradients.Length; i++)
        {
            var gradient = gradients[i];
            if (!Enum.IsDefined(gradient.Type) || gradient.Count < 0)
            {
                throw new ArgumentException($"gradient {i} is {gradient.Type}[{gradient.Count}], which is no buffer");
            }
            CheckMemory(gradient.Pointer, gradient.Type, gradient.Count, $"gradient {i}");
        }
    }

    private static void CheckFinite(double value, string name)
    {
        if (!double.IsFinite(value))
        {
            throw new ArgumentException($"the {name} is {value}; expected a finite number");
        }
    }

    private static void CheckDecay(double beta, string name)
    {
        if (!(beta is >= 0 and < 1))
        {
            throw new ArgumentException($"{name} is {beta}; expected a number in [0, 1)");
        }
    }

    private static void CheckMemory(void* pointer, LatentType type, long count, string name)
    {
        if (pointer is null && count > 0)
        {
            throw new ArgumentException($"{name} has a null pointer for {count} elements of {type}");
        }
    }
}
