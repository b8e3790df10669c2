// How a model is stored, whatever its family: what was trained is written, everything else stays byte for byte as it was loaded.
// A model that was made here and not loaded has no files yet; its family says how they are written.

using FlowBP.Formats;

namespace FlowBP.Families;

/// <summary>A model that is stored as a folder in diffusers' layout.</summary>
public abstract class DiffusersPipeline
{
    /// <summary>The folder that the parts come from, and stay as they are in; null: they were made here.</summary>
    private protected UntrainedParts? Source { get; init; }

    /// <summary>The velocity network.</summary>
    private protected abstract nn.Module Network { get; }

    /// <summary>Its configuration, as it is written beside the weights.</summary>
    private protected abstract string NetworkConfig { get; }

    /// <summary>Writes the parts of a model that was made here, but for the velocity network, then <c>model_index.json</c>.</summary>
    private protected abstract void WriteOtherParts(DiffusersFolder layout, ScalarType? dtype);

    /// <summary>Writes the whole model in diffusers' layout, <c>model_index.json</c> last.</summary>
    /// <param name="folder">The folder to write.</param>
    /// <param name="dtype">Storage type of the weights that are written; each tensor's own if null.</param>
    /// <exception cref="CheckpointException">A file cannot be read or written.</exception>
    public void Save(string folder, ScalarType? dtype = null)
    {
        SaveTransformer(folder, dtype);
        SaveOtherParts(folder, dtype);
    }

    /// <summary>Writes the velocity network alone.</summary>
    /// <param name="folder">The folder of the model.</param>
    /// <param name="dtype">Storage type of its weights; each tensor's own if null.</param>
    /// <param name="changes">As in <see cref="Checkpoint.Save"/>.</param>
    /// <exception cref="CheckpointException">A file cannot be written.</exception>
    public void SaveTransformer(
        string folder,
        ScalarType? dtype = null,
        IReadOnlyDictionary<string, Func<Tensor>>? changes = null
    ) =>
        DiffusersFolder.WriteNetwork(
            new DiffusersFolder(folder).Transformer,
            NetworkConfig,
            Network,
            dtype,
            changes: changes
        );

    /// <summary>
    /// Stores the other parts, then <c>model_index.json</c>: those of a model that was loaded byte for byte as they lie in its folder.
    /// </summary>
    /// <param name="folder">The folder of the model.</param>
    /// <param name="dtype">Storage type of weights that are written; each tensor's own if null.</param>
    /// <param name="notice">As in <see cref="UntrainedParts.WriteTo"/>.</param>
    /// <exception cref="CheckpointException">A file cannot be read or written.</exception>
    public void SaveOtherParts(string folder, ScalarType? dtype = null, Action<string>? notice = null)
    {
        if (Source is null)
        {
            WriteOtherParts(new DiffusersFolder(folder), dtype);
        }
        else
        {
            Source.WriteTo(folder, notice);
        }
    }

    /// <summary>As <see cref="UntrainedParts.RequireReadable"/>; a model that was made here has nothing to read.</summary>
    /// <param name="notice">As there.</param>
    /// <exception cref="CheckpointException">A file that belongs to a part can't be read.</exception>
    public void RequireReadable(Action<string>? notice = null) => Source?.RequireReadable(notice);
}
