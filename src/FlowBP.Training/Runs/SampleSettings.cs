// The settings of `sample`, described as those of a run are.

using FlowBP.Pictures;
using FlowBP.Settings;
using FlowBP.Training.Configuration;
using static FlowBP.Settings.SettingOf;

namespace FlowBP.Training.Runs;

/// <summary>Settings of a sampling run; those it shares with alignment are the same objects.</summary>
public static class SampleSettings
{
    /// <summary>So many of the embedded prompts are painted where nothing is said.</summary>
    internal const int EmbeddedPrompts = 24;

    /// <summary>One prompt, instead of a file; any text is one, the empty one too. Null: none is given.</summary>
    public static Setting<string?> Prompt { get; } =
        new()
        {
            Name = "prompt",
            Help = "one prompt instead of those of --prompts; the empty one paints without a prompt",
            Accepts = "text",
            Default = null,
            Parse = (text, out parsed) =>
            {
                parsed = text;
                return true;
            },
            Format = text => text ?? "all of --prompts",
        };

    /// <summary>File of prompts.</summary>
    public static Setting<string> Prompts { get; } =
        Text(
            "prompts",
            AlignmentSettings.Embedded,
            "file of prompts: text, one per line, or .json, .jsonl, .csv, .tsv"
        );

    /// <summary>At most so many prompts of the file.</summary>
    public static Setting<int?> PromptsLimit { get; } =
        OptionalInteger(
            "prompts_limit",
            null,
            1,
            $"use so many prompts of the file, evenly taken; without it all of a file, {EmbeddedPrompts} of the embedded ones"
        );

    /// <summary>Pictures per prompt.</summary>
    public static Setting<int> ImagesPerPrompt { get; } =
        Integer("num_images_per_prompt", 4, 1, "pictures per prompt, each from noise of its own");

    /// <summary>The kind of files that pictures are written as.</summary>
    public static Setting<PictureFormat> Format { get; } =
        Choice(
            "picture_format",
            PictureFormat.Png,
            [("png", PictureFormat.Png), ("jpeg", PictureFormat.Jpeg), ("webp", PictureFormat.Webp)],
            "files of pictures: png and webp keep every pixel, jpeg is smaller for large ones"
        );

    /// <summary>Output folder.</summary>
    public static Setting<string> OutputDir { get; } = Text("output_dir", "outputs/samples", "folder to create");

    /// <summary>Everything, in the order in which it is shown.</summary>
    public static IReadOnlyList<Setting> All { get; } =
    [
        AlignmentSettings.Model,
        AlignmentSettings.Transformer,
        AlignmentSettings.LoraWeights,
        AlignmentSettings.LoraScale,
        Prompt,
        Prompts,
        AlignmentSettings.CaptionKey,
        PromptsLimit,
        ImagesPerPrompt,
        Format,
        AlignmentSettings.PromptEmbeds,
        AlignmentSettings.MaxSequenceLength,
        AlignmentSettings.Height,
        AlignmentSettings.Width,
        AlignmentSettings.SamplingSteps,
        AlignmentSettings.CfgGuidance,
        AlignmentSettings.Seed,
        AlignmentSettings.ComputeDtype,
        AlignmentSettings.Device,
        AlignmentSettings.CpuWorkers,
        OutputDir,
    ];
}
