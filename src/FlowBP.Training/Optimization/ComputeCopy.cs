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
    private readonly List<(Tensor Narrow, Tensor Wide)> buffers = [];

    /// <summary>
    /// Converts a module in place. Parameters that require gradients get masters with the values they had; others, and buffers,
    /// are only converted.
    /// </summary>
    /// <param name="module">The module, in Float32; it stays the caller's.</param>
    /// <param name="type">The type it computes in: BFloat16.</param>
    /// <exception cref="ArgumentException">The type is another, or a trained parameter is not Float32.</exception>
    public ComputeCopy(nn.Module module, ScalarType type = ScalarType.BFloat16)
    {
        if (type != ScalarType.BFloat16)
        {
            throw new ArgumentException(
                $"a compute copy is BFloat16, not {type}; without one a network computes in float32"
            );
        }
        this.module = module;
        Dictionary<string, Parameter> masters = [];
        foreach (var (name, parameter) in module.named_parameters().Where(each => each.parameter.requires_grad))
        {
            masters[name] =
                parameter.dtype == ScalarType.Float32
                    ? nn.Parameter(parameter.detach())
                    : throw new ArgumentException(
                        $"{name} is {parameter.dtype}; masters are made of Float32 parameters"
                    );
        }
        // In main memory: they are only wanted when the module is saved, and a table of positions can take a gigabyte.
        Dictionary<string, Tensor> wide = module
            .named_buffers()
            .Where(each => each.buffer.dtype == ScalarType.Float32)
            .ToDictionary(each => each.name, each => each.buffer.detach().cpu().DetachFromDisposeScope());
        module.to(type);
        foreach (var (name, parameter) in module.named_parameters().Where(each => masters.ContainsKey(each.name)))
        {
            entries.Add(new(name, masters[name], parameter));
            masterOf[parameter] = masters[name];
        }
        foreach (var (name, buffer) in module.named_buffers().Where(each => wide.ContainsKey(each.name)))
        {
            buffers.Add((buffer, wide[name]));
        }
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

    /// <summary>Rounds every master into the module: after the masters were changed by anything but the optimizer's own pass.</summary>
    public void Refresh()
    {
        using var noGrad = torch.no_grad();
        foreach (var entry in entries)
        {
            entry.Narrow.copy_(entry.Master);
        }
    }

    /// <summary>
    /// The module in float32 with the masters' values until the result is disposed, to be saved as it is trained. Parameters
    /// without masters are widened.
    /// </summary>
    public IDisposable Widened()
    {
        module.to(ScalarType.Float32);
        Refresh();
        using var noGrad = torch.no_grad();
        foreach (var (narrow, wide) in buffers)
        {
            narrow.copy_(wide);
        }
        return new Narrowing(module);
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

    private sealed class Narrowing(nn.Module module) : IDisposable
    {
        public void Dispose() => module.to(ScalarType.BFloat16);
    }
}
