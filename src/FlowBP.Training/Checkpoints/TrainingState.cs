// All tensors that the next updates depend on, as they are at one moment, in the memory of the host: training goes on after the copy,
// and a checkpoint is written of it meanwhile.

using FlowBP.Training.Optimization;

namespace FlowBP.Training.Checkpoints;

/// <summary>A copy of masters, averages and moments.</summary>
public sealed class TrainingState : IDisposable
{
    /// <summary>Begins the name of a trained value in a shard; the parameter's name follows.</summary>
    public const string Value = "parameter/";

    /// <summary>Begins the name of a moving average.</summary>
    public const string Average = "average/";

    /// <summary>Begins the name of a first moment.</summary>
    public const string ExpAvg = "exp_avg/";

    /// <summary>Begins the name of a second moment.</summary>
    public const string ExpAvgSq = "exp_avg_sq/";

    /// <summary>Begins the name of a weight of the best step that the alarm against hacking knows.</summary>
    public const string Best = "best/";

    private readonly Dictionary<string, Tensor> tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> ages = new(StringComparer.Ordinal);

    /// <summary>Copies.</summary>
    /// <param name="states">All parameters with what is kept of them, whole.</param>
    /// <param name="steps">Updates made.</param>
    /// <param name="best">Weights of the best judged step, by parameter, which nobody changes; null: none are kept.</param>
    public TrainingState(
        IReadOnlyList<ParameterState> states,
        long steps,
        IReadOnlyDictionary<string, Tensor>? best = null
    )
    {
        OptimizerSteps = steps;
        try
        {
            foreach (var state in states)
            {
                ages[state.Name] = state.Steps;
                foreach (var (name, tensor) in Of(state))
                {
                    tensors[name] = Copied(tensor);
                }
            }
            foreach (var (name, tensor) in best ?? new Dictionary<string, Tensor>())
            {
                // Another handle of the same memory: its owner may dispose its own.
                tensors[Best + name] = tensor.detach().DetachFromDisposeScope();
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Updates made.</summary>
    public long OptimizerSteps { get; }

    /// <summary>Updates of each parameter, by name.</summary>
    public IReadOnlyDictionary<string, long> Ages => ages;

    /// <summary>All tensors, by their names in a shard.</summary>
    public IReadOnlyDictionary<string, Tensor> Tensors => tensors;

    /// <summary>What is stored as weights, by parameter: the averages, where they are kept.</summary>
    public IReadOnlyDictionary<string, Tensor> Weights =>
        ages.Keys.ToDictionary(
            name => name,
            name => tensors.GetValueOrDefault(Average + name) ?? tensors[Value + name]
        );

    /// <summary>The tensors of a parameter by their names in a shard.</summary>
    /// <param name="state">The parameter.</param>
    public static IEnumerable<(string Name, Tensor Tensor)> Of(ParameterState state)
    {
        yield return (Value + state.Name, state.Value);
        if (state.Average is { } average)
        {
            yield return (Average + state.Name, average);
        }
        yield return (ExpAvg + state.Name, state.ExpAvg);
        yield return (ExpAvgSq + state.Name, state.ExpAvgSq);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in tensors.Values)
        {
            tensor.Dispose();
        }
    }

    private static Tensor Copied(Tensor tensor)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var detached = tensor.detach();
        return (tensor.device_type == DeviceType.CPU ? detached.clone() : detached.cpu()).DetachFromDisposeScope();
    }
}
