// Where a study is kept. study.json says what it is and is written first; a cell's record appears when the cell is done, and is then
// never written again. A folder that holds another study, or the same one with another setting, is left alone.

using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using FlowBP.Formats;
using FlowBP.Settings;

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
        RespectNullableAnnotations = true,
        AllowDuplicateProperties = false,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { RequireWhatCantBeNull } },
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
            throw new IOException(
                MessageText.OneLine($"{root} can't be gone on with: {difference}; name another --output_dir")
            );
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
    public CellRecord? Find(StudyCell cell)
    {
        var path = PathOf(cell);
        if (!File.Exists(path))
        {
            return null;
        }
        var record = Read<CellRecord>(path);
        // Lists may hold null whatever their type says.
        object?[] parts = [.. record.Metrics, .. record.Curve, .. record.Groups ?? [], .. record.LeapErrors ?? []];
        return parts.Contains(null) ? throw NotWritten(path, "a list holds null")
            : (record.Arm, record.Seed) == (cell.Arm, cell.Seed) ? record
            : throw NotWritten(path, $"it is of arm {record.Arm} and seed {record.Seed}");
    }

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
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw NotWritten(path, e.Message);
        }
    }

    private static IOException NotWritten(string path, string why) =>
        new(MessageText.OneLine($"{path} is not what a study writes ({why}); remove it, and it is computed again"));

    // What can be null is left out where it is written; the rest must be there.
    private static void RequireWhatCantBeNull(JsonTypeInfo type)
    {
        foreach (var property in type.Properties)
        {
            property.IsRequired |= property.AssociatedParameter is { IsNullable: false, HasDefaultValue: false };
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
