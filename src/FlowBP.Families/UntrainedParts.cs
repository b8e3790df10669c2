// Aligning changes the transformer alone. A saved model folder needs the other parts too, and these are stored byte for byte as
// they came: a network that was loaded, perhaps narrowed, and saved again is no longer the one that was published. Text encoders
// have many gigabytes, so large files become a second name of the same file (a hard link) where the file system allows it;
// small ones, which people edit, are copied.

using FlowBP.Formats;

namespace FlowBP.Families;

/// <summary>The parts of a model folder that training does not change, and its table of contents.</summary>
/// <param name="source">The folder that the model was loaded from.</param>
public sealed class UntrainedParts(DiffusersFolder source)
{
    private const string Trained = "transformer";

    // What is edited by hand is smaller, what is worth a link is larger.
    private const long MostCopiedBytes = 1 << 20;

    // Parts that loaders find by their folder, whatever the table of contents says.
    private static readonly string[] s_usual =
    [
        "scheduler",
        "vae",
        "text_encoder",
        "text_encoder_2",
        "text_encoder_3",
        "tokenizer",
        "tokenizer_2",
        "tokenizer_3",
    ];

    // Files that loaders look for; others (a README, a licence) go along if they can.
    private static readonly string[] s_read = [".json", ".txt", ".model", ".safetensors"];

    // Where each file was stored last: what could not be linked with its source can be with its copy.
    private readonly Dictionary<string, string> stored = new(StringComparer.Ordinal);

    /// <summary>Looks whether everything can be read, before time is spent on what could not be stored whole.</summary>
    /// <param name="notice">Hears of a file that no loader needs and that can't be read.</param>
    /// <exception cref="CheckpointException">A file that belongs to a part can't be read.</exception>
    public void RequireReadable(Action<string>? notice = null)
    {
        foreach (var file in Files())
        {
            Guarded(file, () => File.OpenRead(file).Dispose(), notice);
        }
    }

    /// <summary>Stores all parts but the transformer, then <c>model_index.json</c>, in which parts that are absent are null.</summary>
    /// <param name="folder">The folder to write.</param>
    /// <param name="notice">Hears of a file that no loader needs and that can't be read; it is left out.</param>
    /// <exception cref="CheckpointException">A file can't be read or written.</exception>
    public void WriteTo(string folder, Action<string>? notice = null)
    {
        if (Path.GetFullPath(folder) == Path.GetFullPath(source.Root))
        {
            return;
        }
        foreach (var file in Files())
        {
            var target = Path.Combine(folder, Path.GetRelativePath(source.Root, file));
            Guarded(file, () => Store(file, target), notice);
        }
        AtomicFile.WriteText(new DiffusersFolder(folder).Index, source.Contents.WithoutMissing(Trained));
    }

    private IEnumerable<string> Files() =>
        source
            .Contents.Parts.Union(s_usual)
            .Where(part => part != Trained)
            .Select(part => Path.Combine(source.Root, part))
            .Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            .Order(StringComparer.Ordinal);

    private void Store(string file, string target)
    {
        var real = File.ResolveLinkTarget(file, returnFinalTarget: true)?.FullName ?? Path.GetFullPath(file);
        var full = Path.GetFullPath(target);
        if (real == full)
        {
            return;
        }
        // Opened first: what can't be read is not what can't be written.
        using var content = File.OpenRead(real);
        if (
            content.Length <= MostCopiedBytes
            || !(TryLink(real, full) || TryLink(stored.GetValueOrDefault(real), full))
        )
        {
            AtomicFile.Write(full, to => Copy(content, to));
        }
        stored[real] = full;
    }

    // An error of the source is the source's, though it is met while the copy is written.
    private static void Copy(FileStream from, Stream to)
    {
        var bytes = new byte[MostCopiedBytes];
        for (var count = Read(); count > 0; count = Read())
        {
            to.Write(bytes, 0, count);
        }

        int Read()
        {
            try
            {
                return from.Read(bytes);
            }
            catch (IOException e)
            {
                throw CheckpointException.ForFile(from.Name, $"cannot be read: {e.Message}", e);
            }
        }
    }

    private static bool TryLink(string? file, string target)
    {
        if (file is null || !File.Exists(file))
        {
            return false;
        }
        var folder = Path.GetDirectoryName(target)!;
        try
        {
            FolderEntries.Create(folder);
            WrittenFiles.Say(target);
            File.Delete(target);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Whoever copies instead will say so.
            return false;
        }
        if (!FolderEntries.TryLink(file, target))
        {
            return false;
        }
        FolderEntries.Flush(folder);
        return true;
    }

    private static void Guarded(string file, Action read, Action<string>? notice)
    {
        try
        {
            read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (IsNeeded(file))
            {
                throw CheckpointException.ForFile(file, $"cannot be read: {e.Message}", e);
            }
            notice?.Invoke($"{file} cannot be read and is left out of the saved model ({e.Message})");
        }
    }

    // Weights of an older format lie beside newer ones in many folders, and caches drop them.
    private static bool IsNeeded(string file) =>
        s_read.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase)
        || (
            Checkpoint.IsWeightsFile(file)
            && !Directory.EnumerateFiles(Path.GetDirectoryName(file)!, "*.safetensors").Any(File.Exists)
        );
}
