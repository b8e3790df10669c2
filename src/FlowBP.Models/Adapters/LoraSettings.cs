// How strong an adapter is, and of which rank, by PEFT's settings: one number for all layers, and others for some.

using System.Text.Json.Nodes;
using FlowBP.Formats;

namespace FlowBP.Models.Adapters;

/// <summary>What the settings of a plain LoRA say of its layers.</summary>
internal sealed class LoraSettings
{
    private readonly PeftKeys keys;
    private readonly double? alpha;
    private readonly int? rank;
    private readonly PathPatterns alphas;
    private readonly PathPatterns ranks;

    private LoraSettings(PeftKeys keys)
    {
        this.keys = keys;
        PlainLora.Require(keys);
        RankStabilized = keys.IsOn("use_rslora");
        alpha = keys.IsThere("lora_alpha") ? keys.Number("lora_alpha", keys.Value("lora_alpha")) : null;
        rank = keys.Value("r") is { } given ? (int)keys.Number("r", given) : null;
        alphas = PathPatterns.Of(keys, "alpha_pattern");
        ranks = PathPatterns.Of(keys, "rank_pattern");
    }

    /// <summary>Whether the strength is alpha over the rank's square root.</summary>
    public bool RankStabilized { get; }

    /// <summary>Whether the settings say how strong the adapter is.</summary>
    public bool HasAlpha => alpha is not null;

    /// <summary>Reads PEFT's file.</summary>
    /// <param name="file">adapter_config.json.</param>
    /// <exception cref="CheckpointException">It is damaged, or asks for what is not built.</exception>
    public static LoraSettings OfPeft(string file) => new(PeftKeys.OfFile(file));

    /// <summary>Reads what a file's header has of diffusers' metadata; there may be none.</summary>
    /// <exception cref="CheckpointException">It is no JSON object, or asks for what is not built.</exception>
    public static LoraSettings OfHeader(ICheckpointSource tensors, string prefix) =>
        new(PeftKeys.OfHeader(tensors, prefix));

    /// <summary>Refuses factors of another rank than the settings say.</summary>
    /// <param name="path">The layer, as the file names it.</param>
    /// <param name="found">The rank of its factors.</param>
    /// <exception cref="CheckpointException">They have another one: file and settings don't belong together.</exception>
    public void RequireRank(string path, int found)
    {
        if ((ranks.Find(path) ?? rank) is { } expected && expected != found)
        {
            throw keys.Problem(
                "r",
                $"found rank {expected} for {path}, whose factors have rank {found}: settings and factors are of"
                    + " different adapters"
            );
        }
    }

    /// <summary>Alpha of a layer as the settings have it, or null: a pattern that matches the end of its path, or the one.</summary>
    public double? AlphaOf(string path) => alphas.Find(path) ?? alpha;

    /// <summary>The settings that most layers share.</summary>
    public LoraConfig ToConfig(IReadOnlyList<LoraFileEntry> entries)
    {
        var (rank, most) = entries.GroupBy(e => (e.Rank, e.Alpha)).MaxBy(group => group.Count())!.Key;
        string[] targets =
            keys.Value("target_modules") is JsonArray array
            && array.All(n => n is JsonValue v && v.TryGetValue(out string? _))
                ? [.. array.Select(n => n!.GetValue<string>())]
                : [.. entries.Select(entry => entry.Path)];
        return new LoraConfig
        {
            Rank = rank,
            Alpha = most,
            TargetModules = targets,
        };
    }
}
