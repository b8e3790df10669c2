// What is stored of a model while it is trained on: the weights of one moment, in the memory of the host. They become the same files,
// byte for byte, that the model itself would have become then.

using FlowBP.Families;

namespace FlowBP.Training.Pipelines;

/// <summary>A copy of a model's weights, or of its adapter's, to be stored while training goes on.</summary>
internal sealed class WeightsCopy : IDisposable
{
    private readonly TextToImage model;
    private readonly IReadOnlyDictionary<string, Tensor> tensors;
    private readonly List<Tensor> own = [];

    /// <summary>Copies what is not trained; what is has been copied before.</summary>
    /// <param name="model">The model.</param>
    /// <param name="trained">Host copies of the trained parameters, by name, as they are to be stored; they stay the caller's.</param>
    public WeightsCopy(TextToImage model, IReadOnlyDictionary<string, Tensor> trained)
    {
        this.model = model;
        tensors = model.Adapter is null ? Whole(trained) : trained;
    }

    /// <summary>Writes the adapter, or the whole model with the other parts as they came.</summary>
    /// <param name="folder">The folder to write.</param>
    /// <exception cref="Formats.CheckpointException">A file cannot be read or written.</exception>
    public void Save(string folder)
    {
        if (model.Adapter is { } adapter)
        {
            adapter.SaveCopies(folder, tensors);
            return;
        }
        model.Model.SaveCopiedTransformer(folder, tensors);
        model.Model.SaveOtherParts(folder);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in own)
        {
            tensor.Dispose();
        }
    }

    private Dictionary<string, Tensor> Whole(IReadOnlyDictionary<string, Tensor> trained)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        // Buffers and frozen parameters are stored in float32 too.
        using var widened = model.Masters?.Widened();
        Dictionary<string, Tensor> whole = [];
        foreach (var (name, tensor) in model.Model.Transformer.state_dict())
        {
            whole[name] = trained.GetValueOrDefault(name) ?? Own(tensor);
        }
        return whole;
    }

    private Tensor Own(Tensor tensor)
    {
        var copy = tensor.detach().cpu().clone().DetachFromDisposeScope();
        own.Add(copy);
        return copy;
    }
}
