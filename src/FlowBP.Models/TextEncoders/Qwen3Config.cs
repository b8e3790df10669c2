// The config.json of a Qwen3 language model, as far as its hidden states are concerned. What would change them and is not
// implemented (sliding windows, scaled rotary frequencies) is refused by name.

using System.Text.Json.Nodes;
using FlowBP.Formats;
using FlowBP.Models.Clip;
using FlowBP.Models.Layers;

namespace FlowBP.Models.TextEncoders;

/// <summary>Sizes and options of a Qwen3 language model, with the meaning of transformers' config.json.</summary>
public sealed record Qwen3Config
{
    /// <summary>Rows of the token embedding; the tokenizer may have fewer ids.</summary>
    public int VocabSize { get; init; } = 151936;

    /// <summary>Width of the residual stream.</summary>
    public int HiddenSize { get; init; } = 4096;

    /// <summary>Width of the hidden layer of each MLP.</summary>
    public int IntermediateSize { get; init; } = 22016;

    /// <summary>Number of layers.</summary>
    public int NumHiddenLayers { get; init; } = 32;

    /// <summary>Heads of the queries.</summary>
    public int NumAttentionHeads { get; init; } = 32;

    /// <summary>Heads of keys and values, each shared by as many query heads.</summary>
    public int NumKeyValueHeads { get; init; } = 32;

    /// <summary>Width of one head.</summary>
    public int HeadDim { get; init; } = 128;

    /// <summary>Activation of the MLPs' gate.</summary>
    public string HiddenAct { get; init; } = "silu";

    /// <summary>Longest sequence in tokens.</summary>
    public int MaxPositionEmbeddings { get; init; } = 32768;

    /// <summary>Added to the mean square in normalisation.</summary>
    public double RmsNormEps { get; init; } = 1e-6;

    /// <summary>Base of the rotary wavelengths.</summary>
    public double RopeTheta { get; init; } = 10000;

    /// <summary>Whether the attention's projections have biases.</summary>
    public bool AttentionBias { get; init; }

    /// <summary>Whether the output projection is the token embedding; it is not used here.</summary>
    public bool TieWordEmbeddings { get; init; }

    /// <summary>
    /// Numbers that the network has at least, in integers that no size overflows: what is known of it before anything is built.
    /// </summary>
    /// <param name="layers">Layers that are built.</param>
    internal Int128 LeastElements(int layers) =>
        StoredNetwork.Product(layers, 2, HiddenSize, NumAttentionHeads, HeadDim)
        + StoredNetwork.Product(layers, 2, HiddenSize, NumKeyValueHeads, HeadDim)
        + StoredNetwork.Product(layers, 3, HiddenSize, IntermediateSize)
        + StoredNetwork.Product(VocabSize, HiddenSize);

    /// <summary>Reads a config.json.</summary>
    /// <exception cref="CheckpointException">A key is unknown, ill-typed or asks for what is not implemented.</exception>
    public static Qwen3Config Read(string file) => Read(ConfigReader.Open(file));

    /// <summary>Reads an opened config.json.</summary>
    /// <exception cref="CheckpointException">A key is unknown, ill-typed or asks for what is not implemented.</exception>
    public static Qwen3Config Read(ConfigReader json)
    {
        TransformersKeys.RequireModelType(json, "qwen3");
        var config = json.Fill(new Qwen3Config());
        config = config with { RopeTheta = ReadRopeTheta(json, config.RopeTheta) };
        json.Require("use_sliding_window", "false");
        RequireFullAttention(json);
        // Without sliding windows these two have nothing to act upon.
        json.Ignore("max_window_layers", "sliding_window");
        json.Ignore("bos_token_id", "eos_token_id", "pad_token_id");
        TransformersKeys.Ignore(json);
        json.RefuseUnknown();
        config.Check(json.File);
        return config;
    }

    /// <summary>The content of a config.json that <see cref="Read(string)"/> and transformers understand.</summary>
    public string ToJson() =>
        ConfigRecord
            .ToJsonObject(
                this,
                ("architectures", new JsonArray("Qwen3ForCausalLM")),
                ("model_type", "qwen3"),
                ("torch_dtype", "float32")
            )
            .ToConfigText();

    // Newer files have the rotary settings in a section, older ones beside the others; some have both.
    private static double ReadRopeTheta(ConfigReader json, double theta)
    {
        foreach (var name in new[] { "rope_parameters", "rope_scaling" })
        {
            if (json.Section(name) is { } section)
            {
                section.Require("rope_type", "\"default\"");
                section.Require("type", "\"default\"");
                theta = section.Double("rope_theta", theta);
                section.RefuseUnknown();
            }
        }
        return theta;
    }

    private static void RequireFullAttention(ConfigReader json)
    {
        foreach (var type in json.Texts("layer_types", []))
        {
            if (type != "full_attention")
            {
                throw CheckpointException.ForFile(
                    json.File,
                    $"key 'layer_types': found '{type}', expected full_attention in every layer"
                );
            }
        }
    }

    private void Check(string file)
    {
        ClipTower.Activation(HiddenAct, file);
        foreach (
            var (key, value) in new[]
            {
                ("vocab_size", VocabSize),
                ("hidden_size", HiddenSize),
                ("intermediate_size", IntermediateSize),
                ("num_hidden_layers", NumHiddenLayers),
                ("num_key_value_heads", NumKeyValueHeads),
                ("max_position_embeddings", MaxPositionEmbeddings),
            }
        )
        {
            if (value < 1)
            {
                throw CheckpointException.ForFile(file, $"key '{key}': found {value}, expected at least 1");
            }
        }
        TransformersKeys.RequireHeads(file, NumAttentionHeads, NumKeyValueHeads);
        if (HeadDim < 2 || HeadDim % 2 != 0)
        {
            throw CheckpointException.ForFile(file, $"key 'head_dim': found {HeadDim}, expected an even number");
        }
    }
}
