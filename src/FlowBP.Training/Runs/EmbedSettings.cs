// The settings of `embed`, described as those of a run are.

using FlowBP.Formats;
using FlowBP.Settings;
using FlowBP.Training.Configuration;
using static FlowBP.Settings.SettingOf;

namespace FlowBP.Training.Runs;

/// <summary>In which type encoders compute and embeddings are stored.</summary>
public enum EmbeddingPrecision
{
    /// <summary>float32: the exact embeddings, twice the size.</summary>
    Fp32,

    /// <summary>bfloat16, as the reference trains.</summary>
    Bf16,
}

/// <summary>Settings of precomputing prompt embeddings; those it shares with alignment are the same objects.</summary>
public static class EmbedSettings
{
    /// <summary>File of prompts.</summary>
    public static Setting<string> Prompts { get; } =
        Text(
            "prompts",
            AlignmentSettings.Embedded,
            "file of prompts: text, one per line, or .json, .jsonl, .csv, .tsv; the empty prompt is always added"
        );

    /// <summary>Output folder.</summary>
    public static Setting<string> Output { get; } =
        Text("output", "outputs/embeddings", "folder to create or to go on with", "output_dir");

    /// <summary>Prompts per file.</summary>
    public static Setting<int> ShardSize { get; } = Integer("shard_size", 256, 1, "prompts per file");

    /// <summary>Tokens of the longest sequence.</summary>
    public static Setting<int?> MaxSequenceLength { get; } =
        OptionalInteger("max_sequence_length", null, 2, "tokens per prompt; none: what the model's pipeline takes");

    /// <summary>Type of computation and storage.</summary>
    public static Setting<EmbeddingPrecision> Dtype { get; } =
        Choice(
            "dtype",
            EmbeddingPrecision.Bf16,
            [("bf16", EmbeddingPrecision.Bf16), ("fp32", EmbeddingPrecision.Fp32)],
            "type in which encoders compute and embeddings are stored"
        );

    /// <summary>Prompts that are encoded together.</summary>
    public static Setting<int> BatchSize { get; } = Integer("batch_size", 8, 1, "prompts encoded together");

    /// <summary>Everything, in the order in which it is shown.</summary>
    public static IReadOnlyList<Setting> All { get; } =
    [
        AlignmentSettings.Model,
        Prompts,
        AlignmentSettings.CaptionKey,
        Output,
        ShardSize,
        MaxSequenceLength,
        Dtype,
        BatchSize,
        AlignmentSettings.Device,
    ];

    internal static ScalarType TypeOf(EmbeddingPrecision precision) =>
        precision == EmbeddingPrecision.Bf16 ? ScalarType.BFloat16 : ScalarType.Float32;

    internal static SafetensorsType StoredType(EmbeddingPrecision precision) =>
        precision == EmbeddingPrecision.Bf16 ? SafetensorsType.BF16 : SafetensorsType.F32;
}
