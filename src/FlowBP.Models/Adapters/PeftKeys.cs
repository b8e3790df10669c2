// Where PEFT's settings lie, and how a key of theirs is called in messages: adapter_config.json, or, as diffusers keeps them, one JSON
// object in a file's header whose keys begin with the name of the pipeline's part.

using System.Text.Json;
using System.Text.Json.Nodes;
using FlowBP.Formats;

namespace FlowBP.Models.Adapters;

/// <summary>Reads keys of PEFT's settings.</summary>
internal sealed class PeftKeys
{
    // PEFT's own, where its file does not say.
    private const double PeftAlpha = 8;

    private readonly string file;
    private readonly string start;
    private readonly string kind;
    private readonly JsonObject? json;

    // start: what keys begin with; kind: what a key is called in messages.
    private PeftKeys(string file, string start, string kind, JsonObject? json)
    {
        this.file = file;
        this.start = start;
        this.kind = kind;
        this.json = json;
    }

    /// <summary>Reads PEFT's file.</summary>
    /// <param name="file">adapter_config.json.</param>
    /// <exception cref="CheckpointException">It is damaged.</exception>
    public static PeftKeys OfFile(string file)
    {
        var json = JsonFile.Read(file);
        if (!json.ContainsKey("lora_alpha"))
        {
            LoadingNotices.Say($"{file} has no lora_alpha: {PeftAlpha} is taken, as PEFT does");
            json["lora_alpha"] = PeftAlpha;
        }
        return new(file, "", "key", json);
    }

    /// <summary>Reads what a file's header has of diffusers' metadata; there may be none.</summary>
    /// <exception cref="CheckpointException">It is no JSON object.</exception>
    public static PeftKeys OfHeader(ICheckpointSource tensors, string prefix)
    {
        if (tensors is not SafetensorsFile file || !file.Metadata.TryGetValue(LoraMetadata.Key, out var text))
        {
            return new PeftKeys(tensors.Path, "", "metadata", null);
        }
        try
        {
            JsonFile.RequireLetters(tensors.Path, text);
            var options = new JsonDocumentOptions { AllowDuplicateProperties = false };
            return JsonNode.Parse(text, documentOptions: options) is JsonObject json
                ? new PeftKeys(tensors.Path, $"{prefix}.", "metadata", json)
                : throw CheckpointException.ForFile(
                    tensors.Path,
                    $"metadata '{LoraMetadata.Key}': found no JSON object"
                );
        }
        catch (JsonException e)
        {
            throw CheckpointException.ForFile(
                tensors.Path,
                $"metadata '{LoraMetadata.Key}' is not valid JSON: {e.Message}",
                e
            );
        }
    }

    /// <summary>A key's value; null: it is absent, or null.</summary>
    public JsonNode? Value(string key) => json?[start + key];

    /// <summary>Whether a key is there, be its value null or not.</summary>
    public bool IsThere(string key) => json?.ContainsKey(start + key) == true;

    /// <summary>Whether a key is true.</summary>
    /// <exception cref="CheckpointException">It is neither true nor false nor null.</exception>
    public bool IsOn(string key) =>
        Value(key) switch
        {
            null => false,
            JsonValue value when value.TryGetValue(out bool on) => on,
            { } other => throw Wrong(key, other, "true or false"),
        };

    /// <summary>A finite number.</summary>
    /// <exception cref="CheckpointException">It is none.</exception>
    public double Number(string key, JsonNode? node) =>
        node is JsonValue value && value.TryGetValue(out double number) && double.IsFinite(number)
            ? number
            : throw Wrong(key, node, "a number");

    /// <summary>A key has another value than is expected.</summary>
    public CheckpointException Wrong(string key, JsonNode? node, string expected) =>
        Problem(key, $"found {CheckpointException.Shorten(node?.ToJsonString() ?? "null")}, expected {expected}");

    /// <summary>What is wrong with a key, with the names of the file and the key before it.</summary>
    public CheckpointException Problem(string key, string what) =>
        CheckpointException.ForFile(file, $"{kind} '{start}{key}': {what}");
}
