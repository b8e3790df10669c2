using System.Collections;
using System.Globalization;

namespace FlowBP.Torch.Modules;

/// <summary>Modules one after another, named by position unless named otherwise.</summary>
public sealed class Sequential : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    private readonly List<torch.nn.Module<torch.Tensor, torch.Tensor>> steps = [];

    internal Sequential(IEnumerable<(string Name, torch.nn.Module<torch.Tensor, torch.Tensor> Module)> modules)
        : base(nameof(Sequential))
    {
        foreach ((var name, var module) in modules)
        {
            append(name, module);
        }
    }

    /// <summary>Adds a module at the end, under a name.</summary>
    public Sequential append(string name, torch.nn.Module<torch.Tensor, torch.Tensor> module)
    {
        register_module(name, module);
        steps.Add(module);
        return this;
    }

    /// <inheritdoc/>
    public override torch.Tensor forward(torch.Tensor input)
    {
        using var scope = torch.NewDisposeScope();
        var result = input;
        foreach (var step in steps)
        {
            result = step.call(result);
        }

        return (ReferenceEquals(result, input) ? input.alias() : result).MoveToOuterDisposeScope();
    }
}

/// <summary>A list of modules, named by position.</summary>
/// <typeparam name="T">The type of the modules.</typeparam>
public sealed class ModuleList<T> : torch.nn.Module, IReadOnlyList<T>
    where T : torch.nn.Module
{
    private readonly List<T> items = [];

    /// <summary>A list of the given modules.</summary>
    public ModuleList(params T[] modules)
        : base(nameof(torch.nn.ModuleList))
    {
        extend(modules);
    }

    /// <summary>Number of modules.</summary>
    public int Count => items.Count;

    /// <summary>The module at a position.</summary>
    public T this[int index] => items[index];

    /// <summary>Adds modules at the end.</summary>
    public void append(params T[] parameters) => extend(parameters);

    /// <summary>Adds modules at the end.</summary>
    public void extend(IEnumerable<T> modules)
    {
        foreach (var module in modules)
        {
            register_module(items.Count.ToString(CultureInfo.InvariantCulture), module);
            items.Add(module);
        }
    }

    /// <inheritdoc/>
    public IEnumerator<T> GetEnumerator() => items.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
