// AdamW, gradient clipping and the moving average as one pass over memory (FlowBP.Kernels), on libtorch's own buffers.
// The moments and the average are tensors, so that a checkpoint can hold them and a GPU can keep them.

using FlowBP.Kernels;

namespace FlowBP.Training.Optimization;

/// <summary>Optimizer state of a list of float32 parameters, updated by one fused pass.</summary>
public sealed class FusedAdamW : IDisposable
{
    private readonly ILatentKernels kernels;
    private readonly Action? changed;
    private readonly Entry[] entries;

    /// <summary>Zero moments, and an average that starts at the parameters.</summary>
    /// <param name="parameters">Names and parameters: Float32 or Float64, contiguous.</param>
    /// <param name="settings">The numbers.</param>
    /// <param name="kernels">The fused operations.</param>
    /// <param name="copies">
    /// BFloat16 tensors by name, each of its parameter's shape, that hold the parameters rounded: every update writes them in the
    /// same pass (<see cref="ComputeCopy.Narrow"/>). Null: none.
    /// </param>
    /// <param name="changed">Called whenever the parameters have got other values; null: nobody needs to know.</param>
    /// <exception cref="ArgumentException">
    /// A parameter is of another type, strided, disposed or not where the kernels work; or a copy is of another type or shape, or
    /// not contiguous.
    /// </exception>
    public FusedAdamW(
        IEnumerable<(string Name, Parameter Parameter)> parameters,
        AdamWSettings settings,
        ILatentKernels kernels,
        IReadOnlyDictionary<string, Tensor>? copies = null,
        Action? changed = null
    )
    {
        this.changed = changed;
        Settings = settings;
        this.kernels = kernels;
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        List<Entry> made = [];
        foreach (var (name, parameter) in parameters)
        {
            var copy = copies?.GetValueOrDefault(name);
            made.Add(new(name, parameter, settings.EmaDecay is not null, copy, kernels.DeviceIndex));
        }
        // Not before all of them fit: nobody could dispose those of an optimizer that was never made.
        made.ForEach(entry => entry.Detach());
        entries = [.. made];
    }

    /// <summary>The numbers.</summary>
    public AdamWSettings Settings { get; }

    /// <summary>Updates made so far; a parameter that had no gradient in some of them is younger.</summary>
    public long Steps { get; private set; }

    /// <summary>The Euclidean norm of all gradients together, in double; 0 where there are none.</summary>
    /// <exception cref="NonFiniteGradientException">It is not finite; the first parameter at fault is named.</exception>
    /// <exception cref="ArgumentException">A gradient does not fit its parameter, or a parameter was disposed or changed.</exception>
    public double GradientNorm()
    {
        using var scope = torch.NewDisposeScope();
        var gradients = Gradients();
        var buffers = new GradientBuffer[gradients.Count];
        for (var i = 0; i < buffers.Length; i++)
        {
            buffers[i] = LatentBuffers.OfGradient(gradients[i].Gradient, kernels.DeviceIndex);
        }
        var norm = Math.Sqrt(kernels.SquaredNorm(buffers));
        if (!double.IsFinite(norm))
        {
            var culprit = gradients.First(g =>
                !double.IsFinite(kernels.SquaredNorm([LatentBuffers.OfGradient(g.Gradient, kernels.DeviceIndex)]))
            );
            throw new NonFiniteGradientException(culprit.Entry.Name);
        }
        GC.KeepAlive(gradients);
        return norm;
    }

    /// <summary>
    /// Clips, updates every parameter that has a gradient, updates all averages, and drops the gradients. A parameter without a
    /// gradient stays as it is and does not age: its bias corrections count its own updates, as those of torch.optim.AdamW do.
    /// </summary>
    /// <param name="learningRate">Learning rate of this step.</param>
    /// <param name="gradientNorm">What <see cref="GradientNorm"/> returned.</param>
    /// <exception cref="ArgumentException">
    /// A gradient does not fit its parameter, or a parameter was disposed or changed; nothing was updated.
    /// </exception>
    public unsafe void Step(double learningRate, double gradientNorm)
    {
        using var scope = torch.NewDisposeScope();
        var gradients = Gradients();
        // All of one age are one pass over memory; most often that is all of them. Each address is known before the first pass.
        var ages = gradients
            .GroupBy(found => found.Entry.Steps)
            .Select(age => (age.Key, Tensors: age.Select(found => found.Entry.With(found.Gradient)).ToArray()))
            .ToArray();
        Steps++;
        foreach (var (age, tensors) in ages)
        {
            var step = new AdamWEmaStep(
                age + 1,
                learningRate,
                Settings.Beta1,
                Settings.Beta2,
                Settings.Epsilon,
                Settings.WeightDecay,
                Settings.EmaDecay ?? 0,
                AdamWEmaStep.ClipFactor(gradientNorm, Settings.MaxGradNorm)
            );
            kernels.AdamWEma(tensors, step);
        }
        foreach (var (entry, _) in gradients)
        {
            entry.Steps++;
        }
        GC.KeepAlive(gradients);
        if (gradients.Count < entries.Length && Settings.EmaDecay is { } decay)
        {
            AverageOthers([.. gradients.Select(found => found.Entry)], decay);
        }
        ZeroGrad();
        changed?.Invoke();
    }

    // The average of a parameter that was not updated still moves towards it.
    private void AverageOthers(HashSet<Entry> updated, double decay)
    {
        using var noGrad = torch.no_grad();
        foreach (var entry in entries.Where(entry => !updated.Contains(entry)))
        {
            entry.Ema!.lerp_(entry.Parameter, 1 - decay);
        }
    }

    /// <summary>Drops all gradients.</summary>
    public void ZeroGrad()
    {
        foreach (var entry in entries)
        {
            entry.Parameter.grad = null;
        }
    }

    /// <summary>Whether the parameters hold their moving averages at present.</summary>
    public bool HoldsAverage { get; private set; }

    /// <summary>
    /// Exchanges the parameters with their moving averages, at the cost of one tensor's memory; a second call exchanges them
    /// back. Where it fails, all is as before. <see cref="AveragedWeights"/> pairs the two.
    /// </summary>
    /// <exception cref="InvalidOperationException">No average is kept.</exception>
    public void SwapWithEma()
    {
        var exchanged = 0;
        try
        {
            for (; exchanged < entries.Length; exchanged++)
            {
                entries[exchanged].Exchange();
            }
        }
        catch
        {
            while (exchanged > 0)
            {
                entries[--exchanged].Exchange();
            }
            throw;
        }
        HoldsAverage = !HoldsAverage;
        changed?.Invoke();
    }

    /// <summary>A parameter and what is kept of it, each: the tensors themselves, not copies.</summary>
    public IReadOnlyList<ParameterState> State => [.. entries.Select(entry => entry.State(HoldsAverage))];

    /// <summary>Counts on from another optimizer's counts, after its values have been copied into <see cref="State"/>; gradients are dropped.</summary>
    /// <param name="steps">Updates made.</param>
    /// <param name="ages">Updates of each parameter, by name.</param>
    public void CountFrom(long steps, IReadOnlyDictionary<string, long> ages)
    {
        using var noGrad = torch.no_grad();
        Steps = steps;
        foreach (var entry in entries)
        {
            entry.Steps = ages[entry.Name];
            entry.Copy?.copy_(entry.Parameter);
        }
        ZeroGrad();
        changed?.Invoke();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var entry in entries)
        {
            entry.Dispose();
        }
    }

    private List<(Entry Entry, Tensor Gradient)> Gradients()
    {
        List<(Entry, Tensor)> found = [];
        foreach (var entry in entries)
        {
            entry.CheckParameter();
            if (entry.Parameter.grad is { } gradient)
            {
                entry.CheckGradient(gradient);
                found.Add((entry, gradient.is_contiguous() ? gradient : gradient.contiguous()));
            }
        }
        return found;
    }

    private static string Described(Tensor tensor) => $"{tensor.dtype} [{string.Join(", ", tensor.shape)}]";

    private sealed unsafe class Entry : IDisposable
    {
        // Of tensors that nobody exchanges: asked for once, since with a thousand parameters asking is what takes the time.
        private readonly AdamWEmaTensor state;
        private readonly ScalarType type;
        private readonly int? device;

        public Entry(string name, Parameter parameter, bool average, Tensor? copy, int? deviceIndex)
        {
            device = deviceIndex;
            Name = name;
            Parameter = parameter;
            _ = Address("the parameter", parameter);
            type = parameter.dtype;
            Copy = Checked(name, parameter, copy);
            ExpAvg = torch.zeros_like(parameter);
            ExpAvgSq = torch.zeros_like(parameter);
            Ema = average ? parameter.detach().clone() : null;
            state = new()
            {
                Type = TypeOf(name, type),
                Count = parameter.numel(),
                Parameter = null,
                Gradient = null,
                ExpAvg = (void*)TensorPointer.Of(ExpAvg, deviceIndex),
                ExpAvgSq = (void*)TensorPointer.Of(ExpAvgSq, deviceIndex),
                Ema = Ema is null ? null : (void*)TensorPointer.Of(Ema, deviceIndex),
                BFloat16Copy = null,
            };
        }

        /// <summary>Updates that this parameter had.</summary>
        public long Steps { get; set; }

        /// <summary>Has the state outlive every dispose scope.</summary>
        public void Detach()
        {
            ExpAvg.DetachFromDisposeScope();
            ExpAvgSq.DetachFromDisposeScope();
            Ema?.DetachFromDisposeScope();
        }

        /// <summary>The tensor behind a parameter may be exchanged: for one of the same type and size.</summary>
        public void CheckParameter()
        {
            if (Parameter.IsInvalid)
            {
                throw new ArgumentException(
                    $"the parameter {Name} was disposed (Module.to does that): make the optimizer of the parameters in use"
                );
            }
            if (Parameter.dtype != type || Parameter.numel() != state.Count)
            {
                throw new ArgumentException(
                    $"the parameter {Name} has become {Described(Parameter)}, and its moments are {Described(ExpAvg)}: make the"
                        + " optimizer anew"
                );
            }
        }

        /// <summary>A gradient that was set by hand may be anything.</summary>
        public void CheckGradient(Tensor gradient)
        {
            if (gradient.dtype != type || gradient.numel() != state.Count)
            {
                throw new ArgumentException(
                    $"the gradient of {Name} is {Described(gradient)}, and the parameter {Described(Parameter)}"
                );
            }
            if (!TensorPointer.IsOn(gradient, device))
            {
                throw new ArgumentException(
                    $"the gradient of {Name} is on {gradient.device}, and the parameter on {Parameter.device}"
                );
            }
        }

        /// <summary>What a kernel takes: a copy may be exchanged, as the parameter may.</summary>
        public AdamWEmaTensor With(Tensor gradient) =>
            new()
            {
                Type = state.Type,
                Count = state.Count,
                Parameter = Address("the parameter", Parameter),
                Gradient = Address("the gradient of", gradient),
                ExpAvg = state.ExpAvg,
                ExpAvgSq = state.ExpAvgSq,
                Ema = state.Ema,
                BFloat16Copy = Copy is null ? null : Address("the copy of", Checked(Name, Parameter, Copy)!),
            };

        private void* Address(string what, Tensor tensor)
        {
            try
            {
                return (void*)TensorPointer.Of(tensor, device);
            }
            catch (ArgumentException e)
            {
                throw new ArgumentException($"{what} {Name}: {e.Message}", e);
            }
        }

        public ParameterState State(bool holdsAverage) =>
            new(Name, holdsAverage ? Ema! : Parameter, holdsAverage ? Parameter : Ema, ExpAvg, ExpAvgSq, Steps);

        public string Name { get; }

        public Parameter Parameter { get; }

        public Tensor ExpAvg { get; }

        public Tensor ExpAvgSq { get; }

        public Tensor? Copy { get; }

        public Tensor? Ema { get; }

        public void Dispose()
        {
            ExpAvg.Dispose();
            ExpAvgSq.Dispose();
            Ema?.Dispose();
        }

        public void Exchange()
        {
            CheckParameter();
            using var scope = torch.NewDisposeScope();
            using var noGrad = torch.no_grad();
            var ema = Ema ?? throw new InvalidOperationException("no moving average is kept");
            var current = Parameter.detach().clone();
            Parameter.copy_(ema);
            ema.copy_(current);
            Copy?.copy_(Parameter);
        }

        private static LatentType TypeOf(string name, ScalarType type) =>
            type switch
            {
                ScalarType.Float32 => LatentType.Float32,
                ScalarType.Float64 => LatentType.Float64,
                _ => throw new ArgumentException(
                    $"the parameter {name}: the optimizer keeps float32 or float64 masters, found {type}"
                ),
            };

        private static Tensor? Checked(string name, Parameter parameter, Tensor? copy) =>
            copy is { IsInvalid: true } ? throw new ArgumentException($"the copy of {name} was disposed")
            : copy is null
            || (
                copy.dtype == ScalarType.BFloat16
                && copy.shape.SequenceEqual(parameter.shape)
                && copy.is_contiguous()
                && parameter.dtype == ScalarType.Float32
            )
                ? copy
            : throw new ArgumentException(
                $"the copy of {name} is {copy.dtype} [{string.Join(", ", copy.shape)}], expected contiguous BFloat16"
                    + $" [{string.Join(", ", parameter.shape)}] of a Float32 parameter"
            );
    }
}
