// Aligning changes the transformer alone. A saved model folder needs the other parts too, and these are stored byte for byte as
// they came: a network that was loaded, perhaps narrowed, and saved again is no longer the one that was published.

using FlowBP.Formats;

namespace FlowBP.Families;

/// <summary>The parts of a model folder that training does not change, and its table of contents.</summary>
/// <param name="source">The folder that the model was loaded from.</param>
public sealed class UntrainedParts(DiffusersFolder source)
{
    private const string Trained = "transformer";

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

    private readonly PlacedFiles placed = new();

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
            Guarded(file, () => placed.Place(file, target), notice);
        }
        AtomicFile.WriteText(new DiffusersFolder(folder).Index, source.Contents.WithoutMissing(Trained));
    }

    /// <summary>Says that a folder that the parts were stored in has another name now.</summary>
    /// <param name="from">The former name.</param>
    /// <param name="to">The new one.</param>
    public void Moved(string from, string to) => placed.Moved(from, to);

    private IEnumerable<string> Files() =>
        source
            .Contents.Parts.Union(s_usual)
            .Where(part => part != Trained)
            .Select(part => Path.Combine(source.Root, part))
            .Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            .Order(StringComparer.Ordinal);

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
            WeightsFile.IsNamed(file)
            && !Directory.EnumerateFiles(Path.GetDirectoryName(file)!, "*.safetensors").Any(File.Exists)
        );
}
