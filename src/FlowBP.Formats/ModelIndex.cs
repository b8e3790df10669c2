// The table of contents of a model folder: which parts a model has, and of which class each is. Folder and table must agree; where
// they don't, it is refused or said.

using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace FlowBP.Formats;

/// <summary>A part in <c>model_index.json</c>.</summary>
/// <param name="Folder">Its sub-folder.</param>
/// <param name="Library">The library of its class; null: the part is absent.</param>
/// <param name="Class">Its class; null: the part is absent.</param>
public readonly record struct IndexEntry(string Folder, string? Library, string? Class);

/// <summary>The table of contents of a model folder, <c>model_index.json</c>.</summary>
public sealed partial class ModelIndex
{
    private readonly DiffusersFolder folder;
    private readonly string text;
    private readonly JsonObject json;

    private ModelIndex(DiffusersFolder folder, string text)
    {
        this.folder = folder;
        this.text = text;
        json = JsonFile.Parse(folder.Index, text);
    }

    /// <summary>Reads it.</summary>
    /// <param name="folder">The model folder.</param>
    /// <exception cref="CheckpointException">The file is missing, no JSON object, or has a key twice.</exception>
    public static ModelIndex Read(DiffusersFolder folder) => new(folder, JsonFile.Text(folder.Index, "no such file"));

    /// <summary>The pipeline's settings, which stand between the parts.</summary>
    public ConfigReader Settings => ConfigReader.Of(folder.Index, json);

    /// <summary>The pipeline's class.</summary>
    /// <exception cref="CheckpointException">It names none.</exception>
    public string PipelineClass => Settings.Text("_class_name");

    /// <summary>Names of the parts, absent ones too: entries with a library and a class, or two nulls.</summary>
    public IEnumerable<string> Parts =>
        json.Where(pair => pair.Value is JsonArray { Count: 2 }).Select(pair => pair.Key);

    /// <summary>The table as it came, unless it lists parts that are not there: these are absent then.</summary>
    /// <param name="written">A part that is written here, be it there or not.</param>
    internal string WithoutMissing(string written)
    {
        string[] absent =
        [
            .. Parts.Where(part =>
                json[part]![1] is not null && part != written && !Directory.Exists(Path.Combine(folder.Root, part))
            ),
        ];
        var changed = (JsonObject)json.DeepClone();
        foreach (var part in absent)
        {
            changed[part] = new JsonArray(null, null);
        }
        return absent.Length == 0 ? text : changed.ToConfigText();
    }

    /// <summary>Whether a part is there, which folder and table of contents must agree on.</summary>
    /// <param name="part">A folder, such as <see cref="DiffusersFolder.TextEncoder"/>.</param>
    /// <returns>
    /// True where both have it. A folder that the table does not list is not used, and that is said; a table that lists no part
    /// at all leaves it to the folders.
    /// </returns>
    /// <exception cref="CheckpointException">
    /// The table lists it, and there is no such folder; or what the table says of it is not understood.
    /// </exception>
    public bool HasPart(string part)
    {
        var name = Path.GetFileName(part);
        var listed = ClassOf(name);
        var isThere = Directory.Exists(part);
        if (listed is not null)
        {
            return isThere ? true : throw NoFolder(name, listed);
        }
        if (isThere && ListsNothing())
        {
            return true;
        }
        if (isThere)
        {
            LoadingNotices.Say($"{folder.Index} lists no {name}, so the folder {part} is not used");
        }
        return false;
    }

    /// <summary>Refuses a folder whose table of contents lacks a part, or lists another class for it.</summary>
    /// <param name="part">The part's folder.</param>
    /// <param name="classes">The classes that are read here.</param>
    /// <exception cref="CheckpointException">It does.</exception>
    public void RequirePart(string part, params ReadOnlySpan<string> classes)
    {
        if (!HasPart(part))
        {
            throw CheckpointException.ForFile(
                folder.Index,
                $"lists no {Path.GetFileName(part)}, expected {string.Join(" or ", classes)}"
            );
        }
        RequireClass(part, classes);
    }

    /// <summary>Refuses a folder whose table of contents lists another class for a part.</summary>
    /// <param name="part">The part's folder.</param>
    /// <param name="classes">The classes that are read here.</param>
    /// <exception cref="CheckpointException">It does.</exception>
    public void RequireClass(string part, params ReadOnlySpan<string> classes)
    {
        var name = Path.GetFileName(part);
        if (ClassOf(name) is { } listed && !classes.Contains(listed))
        {
            throw CheckpointException.ForFile(
                folder.Index,
                $"lists {listed} as {name}, expected {string.Join(" or ", classes)}: another class computes something else"
            );
        }
    }

    /// <summary>
    /// Folder of a tokenizer that is needed, since its text encoder is used. A table of contents that lists the encoder and not
    /// the tokenizer contradicts itself: the folder is read, and that is said.
    /// </summary>
    /// <param name="number">1 for <c>tokenizer</c>, 2 for <c>tokenizer_2</c> …</param>
    /// <exception cref="CheckpointException">The table lists it, and there is no such folder.</exception>
    public string TokenizerInUse(int number = 1)
    {
        var tokenizer = folder.Tokenizer(number);
        var name = Path.GetFileName(tokenizer);
        if (ClassOf(name) is not null)
        {
            HasPart(tokenizer);
        }
        else if (Directory.Exists(tokenizer) && !ListsNothing())
        {
            LoadingNotices.Say(
                $"{folder.Index} lists no {name}, which {Path.GetFileName(folder.TextEncoder(number))} needs: the folder {tokenizer} is read"
            );
        }
        return tokenizer;
    }

    /// <summary>
    /// Refuses a folder that is not whole: of another pipeline, without a part that every pipeline needs, or with entries in its
    /// table of contents that are not understood. Parts that this pipeline does not have are said.
    /// </summary>
    /// <param name="pipelineClass">Name of the pipeline's class.</param>
    /// <param name="transformer">Class of the velocity network.</param>
    /// <param name="vae">Class of the autoencoder.</param>
    /// <param name="scheduler">Class of the scheduler.</param>
    /// <param name="textEncoders">How many text encoders the pipeline has; whether they are there is asked when they are read.</param>
    /// <exception cref="CheckpointException">It is not whole, or a file is missing.</exception>
    public void RequirePipeline(
        string pipelineClass,
        string transformer,
        string vae,
        string scheduler,
        int textEncoders
    )
    {
        var found = PipelineClass;
        if (found != pipelineClass)
        {
            throw CheckpointException.ForFile(folder.Index, $"found pipeline class {found}, expected {pipelineClass}");
        }
        RequirePart(folder.Transformer, transformer);
        RequirePart(folder.Vae, vae);
        RequirePart(folder.Scheduler, scheduler);
        string[] own =
        [
            .. new[] { folder.Transformer, folder.Vae, folder.Scheduler }
                .Concat(
                    Enumerable
                        .Range(1, textEncoders)
                        .SelectMany(i => new[] { folder.TextEncoder(i), folder.Tokenizer(i) })
                )
                .Select(part => Path.GetFileName(part)),
        ];
        List<string> others = [];
        foreach (var (name, entry) in json.Where(pair => IsPart(pair.Key, pair.Value)))
        {
            if (ClassOf(name, entry) is not { } listed || own.Contains(name))
            {
                continue;
            }
            if (!Directory.Exists(Path.Combine(folder.Root, name)))
            {
                throw NoFolder(name, listed);
            }
            others.Add($"{name} ({listed})");
        }
        if (others.Count > 0)
        {
            LoadingNotices.Say($"{folder.Index} lists {string.Join(" and ", others)}, which is not used here");
        }
    }

    /// <summary>Writes <c>model_index.json</c>.</summary>
    /// <param name="folder">The model folder.</param>
    /// <param name="pipelineClass">Name of the pipeline's class, such as <c>StableDiffusion3Pipeline</c>.</param>
    /// <param name="parts">Its parts.</param>
    /// <param name="flag">A key of the pipeline's own, and its value; null: none.</param>
    /// <exception cref="CheckpointException">The file cannot be written.</exception>
    public static void Write(
        DiffusersFolder folder,
        string pipelineClass,
        IEnumerable<IndexEntry> parts,
        (string Key, bool Value)? flag = null
    )
    {
        var json = new JsonObject { ["_class_name"] = pipelineClass };
        foreach (var (name, library, type) in parts.OrderBy(part => part.Folder, StringComparer.Ordinal))
        {
            json[name] = new JsonArray(library, type);
        }
        if (flag is { } given)
        {
            json[given.Key] = given.Value;
        }
        AtomicFile.WriteText(folder.Index, json.ToConfigText());
    }

    private CheckpointException NoFolder(string name, string listed) =>
        CheckpointException.ForFile(
            folder.Index,
            $"lists {name} ({listed}), but there is no folder {Path.Combine(folder.Root, name)}: a download that broke off? Fetch it, or"
                + " write [null, null] there for a model without it"
        );

    private bool ListsNothing() => json.All(pair => pair.Value is not JsonArray);

    private string? ClassOf(string name) => ClassOf(name, json[name]);

    // The second of [library, class]; null where the part is not listed, or listed as absent.
    private string? ClassOf(string name, JsonNode? entry) =>
        entry switch
        {
            null => null,
            JsonArray { Count: 2 } pair when pair.All(IsTextOrNull) => pair[1]?.GetValue<string>(),
            _ => throw CheckpointException.ForFile(
                folder.Index,
                $"lists {name} as {entry.ToJsonString()}, expected [library, class], or [null, null] for a model without it"
            ),
        };

    private static bool IsTextOrNull(JsonNode? node) => node is null || IsText(node);

    private static bool IsText(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? _);

    // Beside parts the table has the pipeline's settings: flags, numbers, texts, lists of numbers.
    private bool IsPart(string name, JsonNode? entry) =>
        !name.StartsWith('_')
        && (
            PartName().IsMatch(name)
            || entry is JsonObject
            || (entry is JsonArray list && list.Any(IsPartOfEntry))
            || (IsText(entry) && Directory.Exists(Path.Combine(folder.Root, name)))
        );

    private static bool IsPartOfEntry(JsonNode? node) => node is null or JsonObject || IsText(node);

    [GeneratedRegex(@"^(?:transformer|vae|scheduler|(?:text_encoder|tokenizer)(?:_\d+)?)$")]
    private static partial Regex PartName();
}
