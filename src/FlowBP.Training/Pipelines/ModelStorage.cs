using FlowBP.Families;

namespace FlowBP.Training.Pipelines;

/// <summary>Stores a model as it is at the moment, trained or not.</summary>
/// <param name="model">The model.</param>
public sealed class ModelStorage(TextToImage model)
{
    /// <summary>
    /// Writes the whole model in diffusers' layout: the transformer as <see cref="SaveTransformer"/> has it, the other parts as they
    /// came. The model stays as it is.
    /// </summary>
    /// <param name="folder">The folder to write.</param>
    /// <param name="notice">Hears of a file that no loader needs and that is left out; null: nobody.</param>
    /// <exception cref="Formats.CheckpointException">A file cannot be read or written.</exception>
    public void Save(string folder, Action<string>? notice = null)
    {
        SaveTransformer(folder);
        model.Model.SaveOtherParts(folder, notice: notice);
    }

    /// <summary>Writes the transformer as it is trained: in float32, or with the adapter made part of the stored weights.</summary>
    /// <param name="folder">The folder of the model.</param>
    /// <exception cref="Formats.CheckpointException">A file cannot be written.</exception>
    public void SaveTransformer(string folder)
    {
        using var widened = model.Masters?.Widened();
        model.Model.SaveTransformer(folder, changes: model.Adapter?.MergedWeights);
    }

    /// <summary>What <see cref="SaveTransformer"/> and an adapter's own file take on a disk, about.</summary>
    public long Bytes =>
        model.Model.Transformer.state_dict().Values.Sum(tensor => BytesOf(tensor, model.Masters is not null))
        + (model.Adapter?.parameters().Sum(parameter => BytesOf(parameter, wide: true)) ?? 0);

    private static long BytesOf(Tensor tensor, bool wide) =>
        tensor.numel() * (wide ? Math.Max(sizeof(float), tensor.element_size()) : tensor.element_size());
}
