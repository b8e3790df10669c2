// How a configuration says which network it is of. Diffusers and transformers write the class; a layout file writes the model's
// name and only those keys that its tensors show; some files say neither, and then the keys themselves must do.

using System.Text.Json.Nodes;
using FlowBP.Formats;

namespace FlowBP.Families.Inspection;

/// <summary>One kind of network: how it is recognised and built.</summary>
/// <param name="Name">The class as the ecosystem calls it, as in <c>_class_name</c> or <c>architectures</c>.</param>
/// <param name="Build">Makes the network of a configuration.</param>
public sealed record NetworkArchitecture(string Name, Func<ConfigReader, nn.Module> Build)
{
    /// <summary>Other class names with the same tensors.</summary>
    public IReadOnlyList<string> Aliases { get; init; } = [];

    /// <summary>Values of <c>model_type</c> that mean this network where no class is named.</summary>
    public IReadOnlyList<string> ModelTypes { get; init; } = [];

    /// <summary>Words that the model's name in a layout file contains, all of them; none: no such name means this network.</summary>
    public IReadOnlyList<string> ModelWords { get; init; } = [];

    /// <summary>Keys that only this network's configuration has together; none: keys alone don't tell.</summary>
    public IReadOnlyList<string> Keys { get; init; } = [];

    /// <summary>Keys that this network's configuration never has.</summary>
    public IReadOnlyList<string> WithoutKeys { get; init; } = [];

    /// <summary>
    /// What a layout file leaves out: settings of the released network of the width that the file names. Null where the class's
    /// own defaults are what is left out.
    /// </summary>
    public Func<JsonObject, JsonObject?>? Released { get; init; }

    /// <summary>Names that are another tensor under a second name: a checkpoint has either or both.</summary>
    public IReadOnlyDictionary<string, string> Tied { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// How names begin that a checkpoint may have besides: parts of a larger model that this network is a part of.
    /// </summary>
    public IReadOnlyList<string> Besides { get; init; } = [];

    /// <summary>Numbers that the network of a configuration has at least; null: unknown.</summary>
    internal Func<ConfigReader, Int128>? LeastElements { get; init; }

    /// <summary>Whether a class of this name is this network.</summary>
    /// <param name="className">The class.</param>
    public bool IsClass(string className) => className == Name || Aliases.Contains(className);

    /// <summary>Whether a model's name in a layout file means this network.</summary>
    /// <param name="model">The name.</param>
    public bool IsModel(string model) =>
        ModelWords.Count > 0 && ModelWords.All(word => model.Contains(word, StringComparison.OrdinalIgnoreCase));

    /// <summary>Whether the keys of a configuration are this network's.</summary>
    /// <param name="config">The configuration.</param>
    public bool HasKeys(JsonObject config) =>
        Keys.Count > 0 && Keys.All(config.ContainsKey) && !WithoutKeys.Any(config.ContainsKey);
}
