using FlowBP.Families;
using FlowBP.Pictures;
using FlowBP.Settings;
using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Runs;

/// <summary>Settings of <c>sample</c>.</summary>
public sealed record SampleSettings
{
    // So many of the embedded prompts are painted where nothing is said.
    private const int EmbeddedPrompts = 24;

    /// <summary>What can be set.</summary>
    public static SettingTable<SampleSettings> Table { get; } = new(new(), without: "reward_dtype");

    /// <summary>The model.</summary>
    [Settings]
    public ModelSettings Model { get; init; } = new();

    /// <summary>One prompt, instead of a file; any text is one, the empty one too. Null: none is given.</summary>
    [Prompt]
    public string? Prompt { get; init; }

    /// <summary>File of prompts, or <see cref="ModelFamilies.Embedded"/>.</summary>
    [Setting("file of prompts: text, one per line, or .json, .jsonl, .csv, .tsv")]
    public string Prompts { get; init; } = ModelFamilies.Embedded;

    /// <summary>At most so many prompts of the file.</summary>
    [Setting("use so many prompts of the file, evenly taken; without it all of a file, 24 of the embedded ones", 1)]
    public int? PromptsLimit { get; init; }

    /// <summary>Pictures per prompt.</summary>
    [Setting("pictures per prompt, each from noise of its own", 1)]
    public int NumImagesPerPrompt { get; init; } = 4;

    /// <summary>The kind of files that pictures are written as.</summary>
    [Setting("files of pictures: png and webp keep every pixel, jpeg is smaller for large ones")]
    public PictureFormat PictureFormat { get; init; } = PictureFormat.Png;

    /// <summary>Output folder.</summary>
    [Setting("folder to create")]
    public string OutputDir { get; init; } = "outputs/samples";

    /// <summary>Names of the settings that were given.</summary>
    public IReadOnlyCollection<string> Given { get; init; } = [];

    /// <summary>Reads settings by name or alias.</summary>
    /// <param name="given">Names and texts.</param>
    /// <exception cref="InvalidSettingException">A name is not known, or a value not accepted.</exception>
    public static SampleSettings Of(IReadOnlyCollection<KeyValuePair<string, string>> given) =>
        Table.Bind("sample", given) with
        {
            Given = [.. given.Select(pair => pair.Key)],
        };

    /// <summary>The prompts that are asked for.</summary>
    /// <exception cref="ConfigurationException">They are asked for in two ways.</exception>
    /// <exception cref="IOException">The file is not there or can't be read.</exception>
    /// <exception cref="InvalidDataException">The file holds no prompts.</exception>
    internal IReadOnlyList<string> ReadPrompts()
    {
        if (Prompt is { } prompt)
        {
            if (Given.Contains("prompts"))
            {
                throw new ConfigurationException("give one of --prompt and --prompts: the one is instead of the other");
            }
            PromptSyntax.SayPainted("--prompt", [prompt]);
            return [prompt];
        }
        // Who names a file wants pictures of all that it holds; of the embedded prompts a few show what the model does.
        int? usual = Prompts == ModelFamilies.Embedded ? EmbeddedPrompts : null;
        return PromptFile.Thinned(
            PromptFile.Read(EmbeddedAssets.Resolve(Prompts, () => EmbeddedAssets.TestPrompts), Model.CaptionKey),
            Given.Contains("prompts_limit") ? PromptsLimit : usual
        );
    }

    private sealed class PromptAttribute()
        : SettingAttribute("one prompt instead of those of --prompts; the empty one paints without a prompt")
    {
        protected override SettingKind KindOf(Type type, bool isNullable) =>
            SettingKind.Text with
            {
                Parse = (text, out value) =>
                {
                    value = text;
                    return true;
                },
                Format = value => value as string ?? "all of --prompts",
            };
    }
}
