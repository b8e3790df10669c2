// Which rewards a run is trained on, as it is typed: one path, or several with weights.

using System.Globalization;
using FlowBP.Settings;

namespace FlowBP.Training.Rewards;

/// <summary>A reward and what its score is multiplied with.</summary>
/// <param name="Given">Its folder or file, or <see cref="Families.ModelFamilies.Embedded"/>.</param>
/// <param name="Weight">Above 0.</param>
public sealed record WeightedReward(string Given, double Weight)
{
    private const char Between = ',';
    private const char BeforeWeight = ':';

    /// <summary>The folder or file on this machine.</summary>
    public string Folder => EmbeddedAssets.Resolve(Given, () => EmbeddedAssets.Reward);

    /// <summary>
    /// Reads <c>PATH</c> or <c>PATH:WEIGHT,PATH:WEIGHT,…</c>; a weight that is left out is 1. A text that is the path of something there
    /// is that path, whatever it contains.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <exception cref="InvalidSettingException">A path is missing or named twice, or a weight is not a number above 0.</exception>
    public static IReadOnlyList<WeightedReward> Parse(string text)
    {
        if (Path.Exists(text))
        {
            return [new(text, 1)];
        }
        WeightedReward[] rewards = [.. text.Split(Between, StringSplitOptions.TrimEntries).Select(One)];
        return rewards.FirstOrDefault(reward => reward.Given.Length == 0) is not null
                ? throw new InvalidSettingException(
                    $"reward: found '{text}', expected a path, or PATH:WEIGHT separated by commas, and one path is empty"
                )
            : rewards.GroupBy(reward => reward.Given).FirstOrDefault(same => same.Count() > 1) is { } twice
                ? throw new InvalidSettingException(
                    $"reward: {twice.Key} is named twice; give it once, with the sum of the weights"
                )
            : rewards;
    }

    // What follows the last colon is a weight where it is a number; otherwise the colon belongs to the path.
    private static WeightedReward One(string text)
    {
        var colon = text.LastIndexOf(BeforeWeight);
        if (
            colon < 0
            || Path.Exists(text)
            || !double.TryParse(text[(colon + 1)..], NumberStyles.Float, CultureInfo.InvariantCulture, out var weight)
        )
        {
            return new(text, 1);
        }
        return weight is > 0 and <= SettingAttribute.LargestFactor
            ? new(text[..colon].TrimEnd(), weight)
            : throw new InvalidSettingException(
                $"reward: the weight of {text[..colon]} is {text[(colon + 1)..]}, expected a number above 0, up to"
                    + $" {SettingAttribute.LargestFactor.ToString(CultureInfo.InvariantCulture)}"
            );
    }
}
