// Settings that are described and checked, and that no run does yet. They are in one list, so that none is ever taken for done: a
// run that asks for one is refused by name, --dry-run says so, and whoever builds it removes its line.

using FlowBP.Surrogates;
using FlowBP.Training.Alignment;
using S = FlowBP.Training.Alignment.AlignmentSettings;

namespace FlowBP.Training.Configuration;

/// <summary>What a run can't do yet.</summary>
public static class NotYetHonoured
{
    private static readonly Setting[] NotAtAll =
    [
        S.Height,
        S.Width,
        S.PromptEmbeds,
        S.MaxSequenceLength,
        S.ComputeDtype,
        S.RewardDtype,
        S.GradientCheckpointing,
        S.ActivationMemoryGb,
        S.ReuseRolloutBlocks,
        S.LoraRank,
        S.LoraAlpha,
        S.LoraTargetModules,
    ];

    /// <summary>The settings of a run that are not honoured, as <c>name value</c>.</summary>
    /// <param name="config">The run.</param>
    public static IReadOnlyList<string> In(AlignmentConfig config)
    {
        var values = config.Resolved().ToDictionary(pair => pair.Key, pair => pair.Value);
        var asked = NotAtAll
            .Where(setting => values[setting.Name] != setting.DefaultText)
            .Select(setting => $"{setting.Name} {values[setting.Name]}");
        return config.Get(S.EvalGuidanceScale) is { } scale && scale != config.Get(S.CfgGuidance)
            ? [.. asked, $"{S.EvalGuidanceScale.Name} {values[S.EvalGuidanceScale.Name]} (other than cfg_guidance)"]
            : [.. asked];
    }

    /// <summary>Refuses a run that asks for what is not done.</summary>
    /// <param name="config">The run.</param>
    /// <exception cref="ConfigurationException">It asks for something that is not done.</exception>
    public static void Refuse(AlignmentConfig config)
    {
        var asked = In(config);
        if (asked.Count > 0)
        {
            throw new ConfigurationException(
                $"not supported yet: {string.Join(", ", asked)}; set {(asked.Count == 1 ? "it" : "them")} back to the default"
            );
        }
    }
}
