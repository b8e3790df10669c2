using FlowBP.Families;
using FlowBP.Formats;
using FlowBP.Settings;
using FlowBP.Training.Configuration;
using FlowBP.Training.Devices;
using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Runs;

/// <summary>In which type encoders compute and embeddings are stored.</summary>
public enum EmbeddingPrecision
{
    /// <summary>bfloat16, as the reference trains.</summary>
    Bf16,

    /// <summary>float32: the exact embeddings, twice the size.</summary>
    Fp32,
}

/// <summary>Settings of <c>embed</c>: precomputing prompt embeddings.</summary>
public sealed record EmbedSettings
{
    /// <summary>What can be set.</summary>
    public static SettingTable<EmbedSettings> Table { get; } = new(new());

    /// <summary>The model, as <see cref="ModelSettings.Model"/>.</summary>
    [OfRun]
    public string Model { get; init; } = ModelFamilies.Embedded;

    /// <summary>File of prompts, or <see cref="ModelFamilies.Embedded"/>.</summary>
    [Setting("file of prompts: text, one per line, or .json, .jsonl, .csv, .tsv; the empty prompt is always added")]
    public string Prompts { get; init; } = ModelFamilies.Embedded;

    /// <summary>Key or column of a prompt.</summary>
    [OfRun]
    public string CaptionKey { get; init; } = PromptFile.UsualKeys;

    /// <summary>Output folder.</summary>
    [Setting("folder to create or to go on with", Aliases = ["output_dir"])]
    public string Output { get; init; } = "outputs/embeddings";

    /// <summary>Prompts per file.</summary>
    [Setting("prompts per file", 1)]
    public int ShardSize { get; init; } = 256;

    /// <summary>Tokens of the longest sequence; null: what the model's pipeline takes.</summary>
    [Setting("tokens per prompt; none: what the model's pipeline takes", 2)]
    public int? MaxSequenceLength { get; init; }

    /// <summary>Type of computation and storage.</summary>
    [Setting("type in which encoders compute and embeddings are stored")]
    public EmbeddingPrecision Dtype { get; init; } = EmbeddingPrecision.Bf16;

    /// <summary>Prompts that are encoded together.</summary>
    [Setting("prompts encoded together", 1)]
    public int BatchSize { get; init; } = 8;

    /// <summary>Name of the device.</summary>
    [OfRun]
    public string Device { get; init; } = DeviceName.Automatic;

    internal ScalarType Type => Dtype == EmbeddingPrecision.Bf16 ? ScalarType.BFloat16 : ScalarType.Float32;

    internal SafetensorsType StoredType =>
        Dtype == EmbeddingPrecision.Bf16 ? SafetensorsType.BF16 : SafetensorsType.F32;
}
