// A checkpoint without what only training needs: a model's folder or an adapter, as everybody loads it.

using FlowBP.Formats;
using FlowBP.Settings;
using FlowBP.Training.Checkpoints;

namespace FlowBP.Training.Runs;

/// <summary>Settings of <c>export</c>.</summary>
public sealed record ExportSettings
{
    /// <summary>What can be set.</summary>
    public static SettingTable<ExportSettings> Table { get; } = new(new());

    /// <summary>Output folder.</summary>
    [Setting("folder to create")]
    public string OutputDir { get; init; } = "outputs/export";
}

/// <summary>Writes the weights of a checkpoint as a folder of their own.</summary>
/// <param name="checkpoint">The checkpoint's folder.</param>
/// <param name="settings">Where to.</param>
public sealed class ExportRun(string checkpoint, ExportSettings settings)
{
    /// <summary>Reads all of the checkpoint, then writes.</summary>
    /// <returns>What it is: <c>model</c> or <c>adapter</c>.</returns>
    /// <exception cref="IOException">The output folder exists.</exception>
    /// <exception cref="CheckpointException">The checkpoint is damaged, or a file can't be written.</exception>
    public string Execute()
    {
        EmptyFolder.Require(settings.OutputDir);
        using var stored = StoredCheckpoint.Open(checkpoint);
        string[] names =
        [
            .. stored
                .Manifest.Files.Select(file => file.Name)
                .Where(name => !name.StartsWith($"{CheckpointManifest.StateFolder}/", StringComparison.Ordinal)),
        ];
        const string index = "model_index.json";
        // Last: with it the folder is a model.
        foreach (var name in names.OrderBy(name => name == index))
        {
            AtomicFile.Write(
                Path.Combine(settings.OutputDir, name),
                to =>
                {
                    using var from = File.OpenRead(Path.Combine(stored.Folder, name));
                    from.CopyTo(to);
                }
            );
        }
        return names.Contains(index) ? "model" : "adapter";
    }
}
