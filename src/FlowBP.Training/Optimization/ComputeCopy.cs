// Mixed precision: a network computes in bfloat16, and what the optimizer sees is float32. An update of a fine-tuning step is
// far smaller than half a step of bfloat16 (1/256 of the value), so it would be rounded away if it were made there; the masters
// collect such updates until they show.
//
// The module itself becomes the narrow copy, because it is what the rollout reads at every step; the masters take over its
// float32 memory, so nothing is held twice. Gradients arrive in bfloat16, one block at a time, and are added to the masters'
// in float32: many products add up there without loss.

using FlowBP.Surrogates;

namespace FlowBP.Training.Optimization;

/// <summary>A module in a narrow type, and float32 masters of its trained parameters.</summary>
public sealed class ComputeCopy : IParameterGradients, IDisposable
{
    private readonly nn.Module module;
    private readonly List<Entry> entries = [];
    private readonly Dictionary<Tensor, Parameter> masterOf = new(ReferenceEqualityComparer.Instance);
    private readonly List<Tensor> frozen = [];
    private readonly List<(Tensor Narrow, Tensor Wide)> buffers = [];

    /// <summary>
    /// Converts a module in place; its parameters stay the objects that they are. Those that require gradients get masters with
    /// the values they had; others, and buffers, are only converted.
    /// </summary>
    /// <param name="module">The module, in Float32; it stays the caller's.</param>
    /// <param name="type">The type it computes in: BFloat16.</param>
    /// <exception cref="ArgumentException">
    /// The type is another, or a trained parameter is not Float32, or one was disposed, or there is none.
    /// </exception>
    public ComputeCopy(nn.Module module, ScalarType type = ScalarType.BFloat16)
    {
        if (type != ScalarType.BFloat16)
        {
            throw new ArgumentException(
                $"a compute copy is BFloat16, not {type}; without one a network computes in float32"
            );
        }
        foreach (var (name, _) in module.named_parameters().Where(each => each.parameter.IsInvalid))
        {
            throw new ArgumentException($"{name} was disposed: make the module anew");
        }
        if (!module.parameters().Any())
        {
            throw new ArgumentException($"{module.GetName()} has no parameters; a module that was disposed has none");
        }
        var trained = module.named_parameters().Where(each => each.parameter.requires_grad).ToArray();
        foreach (var (name, parameter) in trained.Where(each => each.parameter.dtype != ScalarType.Float32))
        {
            throw new ArgumentException($"{name} is {parameter.dtype}; masters are made of Float32 parameters");
        }
        this.module = module;
        try
        {
            Convert(trained, type);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private void Convert(IEnumerable<(string Name, Parameter Parameter)> trained, ScalarType type)
    {
        using var noGrad = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        foreach (var (name, parameter) in trained)
        {
            // The master has the parameter's own memory; the parameter gets the narrow copy.
            var master = nn.Parameter(parameter.detach());
            master.DetachFromDisposeScope();
            entries.Add(new(name, master, parameter));
            masterOf[parameter] = master;
            Exchange(parameter, parameter.detach().to(type), requiresGrad: true);
        }
        foreach (var parameter in module.parameters().Where(each => !each.requires_grad && IsWide(each)))
        {
            Exchange(parameter, parameter.to(type), requiresGrad: false);
            frozen.Add(parameter);
        }
        foreach (var buffer in module.buffers().Where(IsWide))
        {
            // In main memory: it is only wanted when the module is saved, and a table of positions can take a gigabyte.
            buffers.Add((buffer, buffer.detach().cpu().DetachFromDisposeScope()));
            Exchange(buffer, buffer.detach().to(type), requiresGrad: false);
        }
        NativeLayers.TakeParameters(module);
    }

    /// <summary>Names and float32 masters of the trained parameters: what an optimizer takes.</summary>
    public IEnumerable<(string Name, Parameter Parameter)> Masters =>
        entries.Select(entry => (entry.Name, entry.Master));

    /// <summary>The module's own parameters by name: what an optimizer's pass writes the rounded masters to.</summary>
    public IReadOnlyDictionary<string, Tensor> Narrow =>
        entries.ToDictionary(entry => entry.Name, entry => (Tensor)entry.Narrow);

    /// <summary>Adds a gradient of the module's parameter to its master's <c>grad</c>, in float32.</summary>
    /// <param name="parameter">A trained parameter of the module.</param>
    /// <param name="gradient">Its gradient, in any type.</param>
    /// <exception cref="ArgumentException">The parameter has no master.</exception>
    public void Add(Tensor parameter, Tensor gradient)
    {
        if (!masterOf.TryGetValue(parameter, out var master))
        {
            throw new ArgumentException("a gradient arrived for a parameter that this copy has no master of");
        }
        using var noGrad = torch.no_grad();
        if (master.grad is { } sum)
        {
            sum.add_(gradient);
        }
        else
        {
            master.grad = gradient.to(ScalarType.Float32, copy: true);
        }
    }

    /// <summary>
    /// The module in float32 with the masters' values until the result is disposed, to be saved as it is trained: its parameters
    /// are the masters themselves for that time, so nothing is copied but parameters without masters, which are widened.
    /// </summary>
    public IDisposable Widened()
    {
        using var noGrad = torch.no_grad();
        var narrowing = new Narrowing(module);
        try
        {
            foreach (var entry in entries)
            {
                narrowing.Lend(entry.Narrow, entry.Master.alias());
            }
            foreach (var parameter in frozen)
            {
                narrowing.Lend(parameter, parameter.to(ScalarType.Float32));
            }
            foreach (var (narrow, wide) in buffers)
            {
                narrowing.Lend(narrow, wide.alias());
            }
        }
        catch
        {
            narrowing.Dispose();
            throw;
        }
        return narrowing;
    }

    /// <summary>Drops the masters; the module stays as it is.</summary>
    public void Dispose()
    {
        foreach (var entry in entries)
        {
            entry.Master.Dispose();
        }
        foreach (var (_, wide) in buffers)
        {
            wide.Dispose();
        }
    }

    private sealed record Entry(string Name, Parameter Master, Parameter Narrow);

    private static bool IsWide(Tensor tensor) => tensor.dtype == ScalarType.Float32;

    private static void Exchange(Tensor tensor, Tensor other, bool requiresGrad)
    {
        tensor.Become(other);
        if (requiresGrad)
        {
            tensor.requires_grad_();
        }
    }

    // Gives every object its own tensor back.
    private sealed class Narrowing(nn.Module module) : IDisposable
    {
        private readonly List<(Tensor Object, Tensor Own, bool RequiresGrad)> lent = [];

        public void Lend(Tensor tensor, Tensor other)
        {
            using (other)
            {
                lent.Add((tensor, tensor.detach().DetachFromDisposeScope(), tensor.requires_grad));
                tensor.Become(other);
            }
        }

        public void Dispose()
        {
            foreach (var (tensor, own, requiresGrad) in lent)
            {
                Exchange(tensor, own, requiresGrad);
                own.Dispose();
            }
            lent.Clear();
            NativeLayers.TakeParameters(module);
        }
    }
}
