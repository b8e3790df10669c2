using FlowBP.Families;
using FlowBP.Settings;

namespace FlowBP.Training.Configuration;

/// <summary>By which judge a run chooses what it keeps.</summary>
public enum SelectionJudge
{
    /// <summary>Nothing is chosen: the last step is kept as it was trained.</summary>
    None,

    /// <summary>The reward that only evaluates.</summary>
    HeldOut,

    /// <summary>The embedded world's rules.</summary>
    Rules,
}

/// <summary>How a run chooses a step and a strength at its end.</summary>
public sealed record SelectionSettings
{
    /// <summary>Who chooses.</summary>
    [Setting(
        "choose among saved steps and strengths at the end, by this judge's mean on select_prompts",
        Choices = ["none", SelectionJudge.None, "heldout", SelectionJudge.HeldOut, "rules", SelectionJudge.Rules]
    )]
    public SelectionJudge Select { get; init; } = SelectionJudge.None;

    /// <summary>File of prompts to choose on, or <see cref="ModelFamilies.Embedded"/>.</summary>
    [Setting("file of held-out prompts to choose on, others than eval_prompts")]
    public string SelectPrompts { get; init; } = ModelFamilies.Embedded;

    /// <summary>Pictures per prompt and candidate.</summary>
    [Setting("pictures per prompt to choose by", 1)]
    public int SelectImagesPerPrompt { get; init; } = 2;

    /// <summary>Strengths that are tried.</summary>
    [Setting("strengths to choose among, separated by commas; 1: as trained")]
    public IReadOnlyList<string> SelectStrengths { get; init; } = ["0.25", "0.5", "0.75", "1"];

    /// <summary>The strengths as numbers, the weakest first.</summary>
    /// <exception cref="ConfigurationException">There is none, or one is no positive number.</exception>
    internal IReadOnlyList<double> Strengths
    {
        get
        {
            var strengths = SelectStrengths.Select(Parsed).Distinct().Order().ToArray();
            return strengths.Length > 0
                ? strengths
                : throw new ConfigurationException(
                    "select_strengths names no strength, expected numbers such as 0.5,1"
                );
        }
    }

    /// <summary>The prompts.</summary>
    /// <param name="captionKey">Key or column of a prompt.</param>
    /// <exception cref="IOException">The file is not there or can't be read.</exception>
    /// <exception cref="InvalidDataException">The file holds no prompts.</exception>
    internal IReadOnlyList<string> Prompts(string captionKey) =>
        PromptFile.Read(EmbeddedAssets.Resolve(SelectPrompts, () => EmbeddedAssets.ChoicePrompts), captionKey);

    private static double Parsed(string text) =>
        double.TryParse(
            text,
            System.Globalization.NumberStyles.Float,
            System.Globalization.CultureInfo.InvariantCulture,
            out var value
        ) && value is > 0 and <= SettingAttribute.LargestFactor
            ? value
            : throw new ConfigurationException($"select_strengths: found '{text}', expected a number above 0");
}
