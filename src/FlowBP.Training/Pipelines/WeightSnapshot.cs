// The trained weights at some moment, so that going back to them is exact.

namespace FlowBP.Training.Pipelines;

/// <summary>A copy of a model's trained weights, in the memory of the host.</summary>
internal sealed class WeightSnapshot : IDisposable
{
    private readonly Tensor[] values;

    /// <summary>Copies the weights that a model has now.</summary>
    /// <param name="model">The model.</param>
    public WeightSnapshot(TextToImage model)
    {
        using var noGrad = torch.no_grad();
        values =
        [
            .. model.TrainedParameters.Select(each => each.Parameter.detach().cpu().clone().DetachFromDisposeScope()),
        ];
    }

    /// <summary>Takes copies that were made before.</summary>
    /// <param name="model">The model.</param>
    /// <param name="copies">A tensor per trained parameter, by name; they pass over to this object.</param>
    public WeightSnapshot(TextToImage model, IReadOnlyDictionary<string, Tensor> copies) =>
        values = [.. model.TrainedParameters.Select(each => copies[each.Name])];

    /// <summary>The copies by the names of their parameters.</summary>
    /// <param name="model">The model that they were copied from.</param>
    public IReadOnlyDictionary<string, Tensor> ByName(TextToImage model) =>
        model.TrainedParameters.Zip(values).ToDictionary(pair => pair.First.Name, pair => pair.Second);

    /// <summary>Gives the model these weights, to the bit.</summary>
    /// <param name="model">The model that they were copied from.</param>
    public void Restore(TextToImage model) => Set(model, values, (_, value) => value);

    /// <summary>Gives the model weights between others and these, base + strength·(these − base); a strength of 1 is exact.</summary>
    /// <param name="model">The model that both were copied from.</param>
    /// <param name="from">The others: the base.</param>
    /// <param name="strength">As <see cref="ModelSettings.Strength"/>.</param>
    public void Restore(TextToImage model, WeightSnapshot from, double strength) =>
        Set(model, values, (i, value) => strength == 1 ? value : from.values[i] + (value - from.values[i]) * strength);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in values)
        {
            tensor.Dispose();
        }
    }

    private static void Set(TextToImage model, Tensor[] values, Func<int, Tensor, Tensor> value)
    {
        using var noGrad = torch.no_grad();
        foreach (var (i, (name, parameter)) in model.TrainedParameters.Index())
        {
            using var scope = torch.NewDisposeScope();
            parameter.copy_(value(i, values[i]));
            // What the network computes with, where that is a rounded copy.
            model.Masters?.Narrow[name].copy_(parameter);
        }
    }
}
