// The sizes of the image-text matching reward, as its config.json holds them.

using System.Text.Json.Nodes;
using FlowBP.Formats;
using FlowBP.Models.Layers;

namespace FlowBP.Models.Rewards;

/// <summary>Configuration of <see cref="ImageTextMatchingModel"/>.</summary>
public sealed record ImageTextMatchingConfig
{
    /// <summary>Value of <c>model_type</c> in config.json.</summary>
    public const string ModelType = "image_text_matching";

    /// <summary>Number of token ids.</summary>
    public required int VocabSize { get; init; }

    /// <summary>Longest prompt in tokens.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Pixels per side.</summary>
    public required int ImageSize { get; init; }

    /// <summary>Channels of the convolution blocks; each after the first halves the sides.</summary>
    public required IReadOnlyList<int> Channels { get; init; }

    /// <summary>Groups of the group normalisations.</summary>
    public required int NormNumGroups { get; init; }

    /// <summary>Width of the word stream.</summary>
    public required int Width { get; init; }

    /// <summary>Layers of attention.</summary>
    public required int Layers { get; init; }

    /// <summary>Attention heads per layer.</summary>
    public required int Heads { get; init; }

    /// <summary>
    /// Numbers that the network has at least, in integers that no size overflows: what is known of it before anything is built.
    /// </summary>
    internal Int128 LeastElements =>
        StoredNetwork.Product(Layers, 4, Width, Width)
        + StoredNetwork.Product((Int128)VocabSize + ContextLength, Width)
        + StoredNetwork.Product(
            ImageSize >> Math.Max(Channels.Count - 1, 0),
            ImageSize >> Math.Max(Channels.Count - 1, 0),
            Width
        )
        + Channels.Aggregate(Int128.Zero, (sum, channels) => sum + StoredNetwork.Product(9, channels, channels));

    /// <summary>Reads a config.json.</summary>
    /// <exception cref="CheckpointException">A key is missing, unknown or ill-typed.</exception>
    public static ImageTextMatchingConfig Read(string file) => Read(ConfigReader.Open(file));

    /// <summary>Reads an opened config.json.</summary>
    /// <exception cref="CheckpointException">A key is missing, unknown or ill-typed.</exception>
    public static ImageTextMatchingConfig Read(ConfigReader json)
    {
        var config = new ImageTextMatchingConfig
        {
            VocabSize = json.Int("vocab_size"),
            ContextLength = json.Int("context_length"),
            ImageSize = json.Int("image_size"),
            Channels = json.Ints("channels"),
            NormNumGroups = json.Int("norm_num_groups"),
            Width = json.Int("width"),
            Layers = json.Int("layers"),
            Heads = json.Int("heads"),
        };
        json.Ignore("model_type", "architectures");
        json.RefuseUnknown();
        return config;
    }

    /// <summary>The content of a config.json that <see cref="Read(string)"/> understands.</summary>
    public string ToJson() =>
        new JsonObject
        {
            ["model_type"] = ModelType,
            ["vocab_size"] = VocabSize,
            ["context_length"] = ContextLength,
            ["image_size"] = ImageSize,
            ["channels"] = new JsonArray([.. Channels.Select(c => (JsonNode)c)]),
            ["norm_num_groups"] = NormNumGroups,
            ["width"] = Width,
            ["layers"] = Layers,
            ["heads"] = Heads,
        }.ToConfigText();
}
