// Where a study is kept. study.json says what it is and is written first; a cell's record appears when the cell is done, and is then
// never written again. A folder that holds another study, or the same one with another setting, is left alone.

using System.Text.Json;
using System.Text.Json.Serialization;
using FlowBP.Formats;

namespace FlowBP.Training.Studies;

/// <summary>The folder of one study, this process's own until it is disposed.</summary>
internal sealed class StudyFolder : IDisposable
{
    private const string IdentityName = "study.json";
    private const string LockName = ".flowbp-study";

    /// <summary>How records are written.</summary>
    internal static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    private readonly FileStream held;

    /// <summary>Opens a folder, or makes it.</summary>
    /// <param name="root">Its path.</param>
    /// <param name="identity">The study.</param>
    /// <exception cref="IOException">
    /// It holds something else, or the study with other settings, or another process is at work in it; nothing is written then.
    /// </exception>
    public StudyFolder(string root, StudyIdentity identity)
    {
        Root = root;
        var file = Path.Combine(root, IdentityName);
        if (File.Exists(root) || (Directory.Exists(root) && !File.Exists(file) && HoldsAnything(root)))
        {
            throw new IOException($"{root} exists and holds no study; name another --output_dir");
        }
        if (File.Exists(file) && identity.Difference(Read<StudyIdentity>(file)) is { } difference)
        {
            throw new IOException($"{root} can't be gone on with: {difference}; name another --output_dir");
        }
        FolderEntries.Create(root);
        held = Hold(root);
        try
        {
            if (!File.Exists(file))
            {
                Write(file, identity);
            }
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Its path.</summary>
    public string Root { get; }

    /// <summary>The record of a cell; null: it is not done.</summary>
    /// <param name="cell">The cell.</param>
    /// <exception cref="IOException">It is there and can't be read.</exception>
    public CellRecord? Find(StudyCell cell) => File.Exists(PathOf(cell)) ? Read<CellRecord>(PathOf(cell)) : null;

    /// <summary>Keeps the record of a cell.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="record">The record.</param>
    /// <exception cref="CheckpointException">It can't be written.</exception>
    public void Keep(StudyCell cell, CellRecord record) => Write(PathOf(cell), record);

    /// <inheritdoc/>
    public void Dispose() => held.Dispose();

    private string PathOf(StudyCell cell) => Path.Combine(Root, "cells", $"{cell.Name}.json");

    private static void Write<T>(string path, T value) =>
        AtomicFile.WriteText(path, JsonSerializer.Serialize(value, Json) + "\n");

    private static T Read<T>(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(File.ReadAllText(path), Json)
                ?? throw new IOException($"{path} is empty");
        }
        catch (JsonException e)
        {
            throw new IOException(
                $"{path} is not what a study writes ({e.Message}); remove it, and it is computed again"
            );
        }
    }

    private static bool HoldsAnything(string root) =>
        Directory.EnumerateFileSystemEntries(root).Any(entry => Path.GetFileName(entry) != LockName);

    private static FileStream Hold(string root)
    {
        try
        {
            return new(Path.Combine(root, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new IOException($"{root} is being written by another process ({e.Message})");
        }
    }
}
