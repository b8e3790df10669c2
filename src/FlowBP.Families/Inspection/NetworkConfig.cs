// Where a configuration may lie: a config.json, the folder around it, a layout file that holds it, or a whole model folder with
// one part per network. Whatever it is, it comes out as networks that can be built.

using System.Text.Json.Nodes;
using FlowBP.Formats;
using FlowBP.Models.Layers;

namespace FlowBP.Families.Inspection;

/// <summary>A configuration with the architecture that it is of.</summary>
public sealed class NetworkConfig
{
    private const string ConfigName = "config.json";

    private readonly JsonObject config;

    private NetworkConfig(string part, string file, string? model, JsonObject config, NetworkArchitecture architecture)
    {
        Part = part;
        File = file;
        Model = model;
        this.config = config;
        Architecture = architecture;
    }

    /// <summary>The part of a model folder that it is, such as <c>transformer</c>; empty for a configuration of its own.</summary>
    public string Part { get; }

    /// <summary>The file that it was read from.</summary>
    public string File { get; }

    /// <summary>The model's name, where the file has one.</summary>
    public string? Model { get; }

    /// <summary>What it is of.</summary>
    public NetworkArchitecture Architecture { get; }

    /// <summary>The settings, with those of the released network that a layout file leaves out.</summary>
    public JsonObject Settings => (JsonObject)config.DeepClone();

    /// <summary>Reads a configuration, or all those of a model folder.</summary>
    /// <param name="path">A config.json, a folder with one, a layout file, or a folder with model_index.json.</param>
    /// <exception cref="CheckpointException">
    /// Nothing is there, it is no configuration, or the architecture is not known.
    /// </exception>
    public static IReadOnlyList<NetworkConfig> Read(string path)
    {
        if (!Directory.Exists(path))
        {
            return [ReadFile(path)];
        }
        var model = new DiffusersFolder(path);
        if (System.IO.File.Exists(model.Index))
        {
            return ReadParts(model);
        }
        var file = Path.Combine(path, ConfigName);
        return System.IO.File.Exists(file)
            ? [ReadFile(file)]
            : throw CheckpointException.ForFile(
                path,
                $"found neither {ConfigName} nor {Path.GetFileName(model.Index)} in this folder"
            );
    }

    /// <summary>Builds the network without memory.</summary>
    /// <exception cref="CheckpointException">A key is missing, unknown, ill-typed or asks for what is not implemented.</exception>
    public nn.Module Build()
    {
        var reader = ConfigReader.Parse(File, config.ToJsonString());
        reader.Ignore("architectures", "model_type");
        return StoredNetwork.Built(File, () => MetaNetwork.Build(() => Architecture.Build(reader)));
    }

    /// <summary>Whether a file is a layout: a configuration with the names and shapes of its network.</summary>
    /// <param name="json">The content of the file.</param>
    public static bool IsLayout(JsonObject json) =>
        json["config"] is JsonObject && json["tensors"] is JsonObject && json.ContainsKey("parameters");

    internal static NetworkConfig? TryReadLayout(string file)
    {
        var json = JsonFile.Read(file);
        var model = Text(json, "model") ?? "";
        return Find((JsonObject)json["config"]!, model) is { } architecture ? Of(file, json, architecture) : null;
    }

    private static NetworkConfig ReadFile(string file)
    {
        var json = JsonFile.Read(file);
        if (json.ContainsKey("tensors") && !IsLayout(json))
        {
            throw CheckpointException.ForFile(
                file,
                "has tensors, but is no layout file, which holds config (an object), parameters and tensors (an object)"
            );
        }
        var isLayout = IsLayout(json);
        var config = isLayout ? (JsonObject)json["config"]! : json;
        var architecture = Find(config, isLayout ? Text(json, "model") ?? "" : "") ?? throw Unknown(file, config, json);
        return Of(file, json, architecture);
    }

    private static NetworkConfig Of(string file, JsonObject json, NetworkArchitecture architecture)
    {
        if (!IsLayout(json))
        {
            return new NetworkConfig("", file, null, json, architecture);
        }
        var model = Text(json, "model");
        var config = (JsonObject)json["config"]!;
        var complete = architecture.Released?.Invoke(config) ?? [];
        foreach (var (key, value) in config)
        {
            complete[key] = value?.DeepClone();
        }
        return new NetworkConfig("", file, model, complete, architecture);
    }

    private static IReadOnlyList<NetworkConfig> ReadParts(DiffusersFolder model)
    {
        List<NetworkConfig> parts = [];
        foreach (var part in model.Contents.Parts)
        {
            var file = Path.Combine(model.Root, part, ConfigName);
            // Schedulers and tokenizers have files of other names.
            if (Path.GetFileName(part) == part && System.IO.File.Exists(file))
            {
                var read = ReadFile(file);
                parts.Add(new NetworkConfig(part, file, read.Model, read.config, read.Architecture));
            }
        }
        return parts.Count > 0
            ? parts
            : throw CheckpointException.ForFile(
                model.Index,
                $"found no part with a {ConfigName}, expected transformer, vae …"
            );
    }

    // What the file calls itself comes first; keys are for those that say nothing.
    private static NetworkArchitecture? Find(JsonObject config, string model)
    {
        var all = NetworkArchitectures.All;
        var classes = Classes(config);
        return classes.Length > 0 ? all.FirstOrDefault(known => classes.Any(known.IsClass))
            : Text(config, "model_type") is { } type
            && all.FirstOrDefault(a => a.ModelTypes.Contains(type)) is { } typed
                ? typed
            : (model.Length > 0 ? all.FirstOrDefault(known => known.IsModel(model)) : null)
                ?? all.FirstOrDefault(known => known.HasKeys(config));
    }

    private static string[] Classes(JsonObject config) =>
        Text(config, "_class_name") is { } name
            ? [name]
            :
            [
                .. (config["architectures"] as JsonArray ?? [])
                    .OfType<JsonValue>()
                    .Select(value => value.TryGetValue(out string? text) ? text : "")
                    .Where(text => text.Length > 0),
            ];

    private static CheckpointException Unknown(string file, JsonObject config, JsonObject json)
    {
        var classes = Classes(config);
        var found =
            classes.Length > 0 ? $"architecture {string.Join(", ", classes)}"
            : Text(json, "model") is { } model ? $"model {model}"
            : "no class, and keys of no known network";
        var known = string.Join(", ", NetworkArchitectures.All.Select(architecture => architecture.Name));
        return CheckpointException.ForFile(file, $"found {found}, expected one of {known}");
    }

    private static string? Text(JsonObject json, string key) =>
        json[key] is JsonValue value && value.TryGetValue(out string? text) ? text : null;
}
