// The layout in which text-to-image models are exchanged: one folder with a table of contents and one sub-folder per part.
// This class knows where things lie and writes them whole; what lies there is the parts' own business.

using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace FlowBP.Formats;

/// <summary>A part in <c>model_index.json</c>.</summary>
/// <param name="Folder">Its sub-folder.</param>
/// <param name="Library">The library of its class; null: the part is absent.</param>
/// <param name="Class">Its class; null: the part is absent.</param>
public readonly record struct IndexEntry(string Folder, string? Library, string? Class);

/// <summary>Paths and contents of a model folder in diffusers' layout.</summary>
/// <param name="root">The folder with <c>model_index.json</c>.</param>
public sealed partial class DiffusersFolder(string root)
{
    private const string WeightsName = "diffusion_pytorch_model.safetensors";
    private const string TextWeightsName = "model.safetensors";

    /// <summary>The folder itself.</summary>
    public string Root { get; } = root;

    /// <summary>Folder of the velocity network.</summary>
    public string Transformer => Path.Combine(Root, "transformer");

    /// <summary>Folder of the autoencoder.</summary>
    public string Vae => Path.Combine(Root, "vae");

    /// <summary>The file of the scheduler.</summary>
    public string SchedulerConfig => Path.Combine(Scheduler, "scheduler_config.json");

    /// <summary>Folder of the scheduler.</summary>
    public string Scheduler => Path.Combine(Root, "scheduler");

    /// <summary>Folder of a text encoder.</summary>
    /// <param name="number">1 for <c>text_encoder</c>, 2 for <c>text_encoder_2</c> …</param>
    public string TextEncoder(int number = 1) => Path.Combine(Root, Numbered("text_encoder", number));

    /// <summary>Folder of a tokenizer.</summary>
    /// <param name="number">1 for <c>tokenizer</c>, 2 for <c>tokenizer_2</c> …</param>
    public string Tokenizer(int number = 1) => Path.Combine(Root, Numbered("tokenizer", number));

    /// <summary>The table of contents.</summary>
    public string Index => Path.Combine(Root, "model_index.json");

    /// <summary>The pipeline's class, from <c>model_index.json</c>.</summary>
    /// <exception cref="CheckpointException">The file is missing or names no class.</exception>
    public string PipelineClass() => ConfigReader.Open(Index).Text("_class_name");

    /// <summary>Whether a part is there, which folder and table of contents must agree on.</summary>
    /// <param name="part">A folder, such as <see cref="TextEncoder"/>.</param>
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
            LoadingNotices.Say($"{Index} lists no {name}, so the folder {part} is not used");
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
                Index,
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
                Index,
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
        var tokenizer = Tokenizer(number);
        var name = Path.GetFileName(tokenizer);
        if (ClassOf(name) is not null)
        {
            HasPart(tokenizer);
        }
        else if (Directory.Exists(tokenizer) && !ListsNothing())
        {
            LoadingNotices.Say(
                $"{Index} lists no {name}, which {Path.GetFileName(TextEncoder(number))} needs: the folder {tokenizer} is read"
            );
        }
        return tokenizer;
    }

    private CheckpointException NoFolder(string name, string listed) =>
        CheckpointException.ForFile(
            Index,
            $"lists {name} ({listed}), but there is no folder {Path.Combine(Root, name)}: a download that broke off? Fetch it, or"
                + " write [null, null] there for a model without it"
        );

    private bool ListsNothing() => JsonFile.Read(Index).All(pair => pair.Value is not JsonArray);

    private string? ClassOf(string name) => ClassOf(name, JsonFile.Read(Index)[name]);

    // The second of [library, class]; null where the part is not listed, or listed as absent.
    private string? ClassOf(string name, JsonNode? entry) =>
        entry switch
        {
            null => null,
            JsonArray { Count: 2 } pair when pair.All(IsTextOrNull) => pair[1]?.GetValue<string>(),
            _ => throw CheckpointException.ForFile(
                Index,
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
            || (IsText(entry) && Directory.Exists(Path.Combine(Root, name)))
        );

    private static bool IsPartOfEntry(JsonNode? node) => node is null or JsonObject || IsText(node);

    [GeneratedRegex(@"^(?:transformer|vae|scheduler|(?:text_encoder|tokenizer)(?:_\d+)?)$")]
    private static partial Regex PartName();

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
        RequirePipelineClass(pipelineClass);
        RequirePart(Transformer, transformer);
        RequirePart(Vae, vae);
        RequirePart(Scheduler, scheduler);
        string[] own =
        [
            .. new[] { Transformer, Vae, Scheduler }
                .Concat(Enumerable.Range(1, textEncoders).SelectMany(i => new[] { TextEncoder(i), Tokenizer(i) }))
                .Select(part => Path.GetFileName(part)),
        ];
        List<string> others = [];
        foreach (var (name, entry) in JsonFile.Read(Index).Where(pair => IsPart(pair.Key, pair.Value)))
        {
            if (ClassOf(name, entry) is not { } listed || own.Contains(name))
            {
                continue;
            }
            if (!Directory.Exists(Path.Combine(Root, name)))
            {
                throw NoFolder(name, listed);
            }
            others.Add($"{name} ({listed})");
        }
        if (others.Count > 0)
        {
            LoadingNotices.Say($"{Index} lists {string.Join(" and ", others)}, which is not used here");
        }
    }

    private void RequirePipelineClass(string expected)
    {
        var found = PipelineClass();
        if (found != expected)
        {
            throw CheckpointException.ForFile(Index, $"found pipeline class {found}, expected {expected}");
        }
    }

    /// <summary>Writes <c>model_index.json</c>.</summary>
    /// <param name="pipelineClass">Name of the pipeline's class, such as <c>StableDiffusion3Pipeline</c>.</param>
    /// <param name="parts">Its parts.</param>
    /// <param name="flag">A key of the pipeline's own, and its value; null: none.</param>
    /// <exception cref="CheckpointException">The file cannot be written.</exception>
    public void WriteIndex(string pipelineClass, IEnumerable<IndexEntry> parts, (string Key, bool Value)? flag = null)
    {
        var json = new JsonObject { ["_class_name"] = pipelineClass };
        foreach (var (folder, library, type) in parts.OrderBy(part => part.Folder, StringComparer.Ordinal))
        {
            json[folder] = new JsonArray(library, type);
        }
        if (flag is { } given)
        {
            json[given.Key] = given.Value;
        }
        AtomicFile.WriteText(Path.Combine(Root, "model_index.json"), json.ToConfigText());
    }

    /// <summary>Writes the velocity network or the autoencoder: configuration and weights.</summary>
    /// <param name="folder"><see cref="Transformer"/> or <see cref="Vae"/>.</param>
    /// <param name="config">Content of <c>config.json</c>.</param>
    /// <param name="module">The network.</param>
    /// <param name="dtype">Storage type of floating-point weights; each tensor's own if null.</param>
    /// <param name="maxShardBytes">The most bytes of weights in one file; more of them are sharded, with an index.</param>
    /// <param name="changes">As in <see cref="Checkpoint.Save"/>.</param>
    /// <exception cref="CheckpointException">A file cannot be written.</exception>
    public static void WriteNetwork(
        string folder,
        string config,
        nn.Module module,
        ScalarType? dtype = null,
        long maxShardBytes = Checkpoint.DefaultShardBytes,
        IReadOnlyDictionary<string, Func<Tensor>>? changes = null
    ) => WritePart(folder, config, module, WeightsName, dtype, maxShardBytes, changes);

    /// <summary>Writes a text encoder or a two-tower model: configuration and weights under transformers' file names.</summary>
    /// <param name="folder"><see cref="TextEncoder"/>, or the folder of a reward.</param>
    /// <param name="config">Content of <c>config.json</c>.</param>
    /// <param name="module">The network.</param>
    /// <param name="dtype">Storage type of floating-point weights; each tensor's own if null.</param>
    /// <param name="maxShardBytes">The most bytes of weights in one file; more of them are sharded, with an index.</param>
    /// <exception cref="CheckpointException">A file cannot be written.</exception>
    public static void WriteTextEncoder(
        string folder,
        string config,
        nn.Module module,
        ScalarType? dtype = null,
        long maxShardBytes = Checkpoint.DefaultShardBytes
    ) => WritePart(folder, config, module, TextWeightsName, dtype, maxShardBytes);

    private static void WritePart(
        string folder,
        string config,
        nn.Module module,
        string weights,
        ScalarType? dtype,
        long maxShardBytes,
        IReadOnlyDictionary<string, Func<Tensor>>? changes = null
    )
    {
        Checkpoint.Save(module, Path.Combine(folder, weights), dtype, maxShardBytes, changes);
        AtomicFile.WriteText(Path.Combine(folder, "config.json"), config);
    }

    private static string Numbered(string name, int number) => number == 1 ? name : $"{name}_{number}";
}
