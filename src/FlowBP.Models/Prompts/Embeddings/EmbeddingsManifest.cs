// The table of contents of a folder of prompt embeddings: what made them, what each prompt has, and which prompts there are, in
// the order in which they lie in the shards. It is written before the first shard; shards say themselves whether they
// are whole, so a stopped run goes on without rewriting it.

using System.Text.Json.Nodes;
using FlowBP.Formats;

namespace FlowBP.Models.Prompts;

/// <summary>What a folder of prompt embeddings holds.</summary>
/// <param name="Encoder">What made them.</param>
/// <param name="Type">Element type of every tensor.</param>
/// <param name="Shapes">Shape per prompt, by tensor.</param>
/// <param name="ShardSize">Prompts per shard; the last may have fewer.</param>
/// <param name="Prompts">SHA-256 of each prompt, hexadecimal, without repetition.</param>
public sealed record EmbeddingsManifest(
    EncoderIdentity Encoder,
    SafetensorsType Type,
    IReadOnlyDictionary<string, long[]> Shapes,
    int ShardSize,
    IReadOnlyList<string> Prompts
)
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "prompt_embeddings.json";

    internal const string Format = "flowbp-prompt-embeddings/1";

    private const int HashLength = 64;
    private const int LargestShard = 1 << 20;

    /// <summary>Number of shards when all are there.</summary>
    public int ShardCount => (Prompts.Count + ShardSize - 1) / ShardSize;

    /// <summary>Name of a shard's file.</summary>
    /// <param name="shard">From 0.</param>
    public static string ShardName(int shard) => $"prompt_embeddings-{shard:D5}.safetensors";

    /// <summary>The prompts of a shard.</summary>
    /// <param name="shard">From 0.</param>
    public IReadOnlyList<string> PromptsOf(int shard) => [.. Prompts.Skip(shard * ShardSize).Take(ShardSize)];

    /// <summary>Writes the file.</summary>
    /// <exception cref="CheckpointException">It can't be written.</exception>
    public void Write(string folder)
    {
        var shapes = new JsonObject();
        foreach (var (name, shape) in Shapes.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            shapes[name] = Array([.. shape.Select(extent => (JsonNode)extent)]);
        }
        var json = new JsonObject
        {
            ["format"] = Format,
            ["encoder"] = new JsonObject
            {
                ["pipeline"] = Encoder.Pipeline,
                ["max_sequence_length"] = Encoder.MaxSequenceLength,
                ["parts"] = Array([
                    .. Encoder.Parts.Select(part =>
                        (JsonNode)
                            new JsonObject
                            {
                                ["folder"] = part.Folder,
                                ["class"] = part.Class,
                                ["config_sha256"] = part.Config,
                                ["weights_sample_sha256"] = part.Weights,
                                ["tokenizer_sha256"] = part.Tokenizer,
                            }
                    ),
                ]),
            },
            ["dtype"] = Type.ToString(),
            ["shapes"] = shapes,
            ["shard_size"] = ShardSize,
            ["prompts_sha256"] = Array([.. Prompts.Select(hash => (JsonNode)hash)]),
        };
        AtomicFile.WriteText(Path.Combine(folder, FileName), json.ToConfigText());
    }

    /// <summary>Reads the file of a folder.</summary>
    /// <exception cref="CheckpointException">It is missing or damaged.</exception>
    public static EmbeddingsManifest Read(string folder)
    {
        var file = Path.Combine(folder, FileName);
        var json = ConfigReader.Open(file);
        if (json.OptionalText("format") is var format && format != Format)
        {
            throw CheckpointException.ForFile(file, $"key 'format': found '{format}', expected '{Format}'");
        }
        var typeName = json.Text("dtype");
        if (!Enum.TryParse(typeName, out SafetensorsType type) || type.ToString() != typeName)
        {
            throw CheckpointException.ForFile(file, $"key 'dtype': found '{typeName}', expected F32 or BF16");
        }
        var shapeSection = Section(json, "shapes");
        var shapes = new Dictionary<string, long[]>();
        foreach (var name in new[] { PromptTensors.Text, PromptTensors.Pooled })
        {
            if (shapeSection.Has(name))
            {
                shapes[name] = [.. shapeSection.Ints(name).Select(extent => (long)extent)];
            }
        }
        shapeSection.RefuseUnknown();
        var manifest = new EmbeddingsManifest(
            ReadEncoder(Section(json, "encoder")),
            type,
            shapes,
            json.Int("shard_size"),
            json.Texts("prompts_sha256")
        );
        json.RefuseUnknown();
        manifest.Check(file);
        return manifest;
    }

    private void Check(string file)
    {
        if (ShardSize is < 1 or > LargestShard)
        {
            throw CheckpointException.ForFile(
                file,
                $"key 'shard_size': found {ShardSize}, expected 1 to {LargestShard}"
            );
        }
        if (Shapes.Count == 0 || Shapes.Values.Any(shape => shape.Length == 0 || shape.Any(extent => extent < 1)))
        {
            throw CheckpointException.ForFile(file, "key 'shapes': found an empty shape, expected positive extents");
        }
        foreach (var hash in Prompts)
        {
            if (hash.Length != HashLength || !hash.All(char.IsAsciiHexDigitLower))
            {
                throw CheckpointException.ForFile(
                    file,
                    $"key 'prompts_sha256': found '{hash}', expected {HashLength} hexadecimal digits"
                );
            }
        }
        if (Prompts.Distinct(StringComparer.Ordinal).Count() != Prompts.Count)
        {
            throw CheckpointException.ForFile(file, "key 'prompts_sha256': found a prompt twice, expected each once");
        }
    }

    private static ConfigReader Section(ConfigReader json, string key) =>
        json.Section(key)
        ?? throw CheckpointException.ForFile(json.File, $"key '{key}': found none, expected an object");

    private static EncoderIdentity ReadEncoder(ConfigReader json)
    {
        var parts = new List<EncoderPart>();
        foreach (var part in json.Sections("parts"))
        {
            parts.Add(
                new EncoderPart(
                    part.Text("folder"),
                    part.Text("class"),
                    part.Text("config_sha256"),
                    part.Text("weights_sample_sha256"),
                    part.Text("tokenizer_sha256")
                )
            );
            part.RefuseUnknown();
        }
        var identity = new EncoderIdentity(json.Text("pipeline"), json.Int("max_sequence_length"), parts);
        json.RefuseUnknown();
        return identity;
    }

    private static JsonArray Array(JsonNode[] items) => [.. items];
}
