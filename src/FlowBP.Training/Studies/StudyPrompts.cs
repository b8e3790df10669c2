using FlowBP.Training.Configuration;

namespace FlowBP.Training.Studies;

/// <summary>The three splits of a study's prompts.</summary>
/// <param name="Training">What is trained on.</param>
/// <param name="Choice">What is chosen by; none: nothing is chosen.</param>
/// <param name="Test">What is measured on.</param>
internal sealed record StudyPrompts(
    IReadOnlyList<string> Training,
    IReadOnlyList<string> Choice,
    IReadOnlyList<string> Test
)
{
    /// <summary>All of them.</summary>
    public IReadOnlyList<string> All => [.. Training, .. Choice, .. Test];

    /// <summary>Reads the files.</summary>
    /// <param name="plan">The study.</param>
    /// <exception cref="ConfigurationException">A prompt is in two of the splits: what is measured would be learnt, or chosen by.</exception>
    /// <exception cref="IOException">A file is not there or can't be read.</exception>
    public static StudyPrompts Read(StudyPlan plan)
    {
        var (config, key) = (plan.Base, plan.Base.Model.CaptionKey);
        var chooses = plan.Definition.Arms.Select(arm => plan.Config(arm, 0)).Any(Chooses);
        var prompts = new StudyPrompts(
            PromptFile.Read(config.Prompts, key),
            chooses ? config.Selection.Prompts(key) : [],
            config.Judges.Prompts(key)
        );
        Refuse(prompts.Test, "eval_prompts", prompts.Training, "prompts", "what is measured would be learnt by heart");
        Refuse(prompts.Test, "eval_prompts", prompts.Choice, "select_prompts", "what is measured would be chosen by");
        Refuse(
            prompts.Choice,
            "select_prompts",
            prompts.Training,
            "prompts",
            "what is chosen by would be learnt by heart"
        );
        return prompts;
    }

    private static bool Chooses(AlignmentConfig config) =>
        config.Selection.Select != SelectionJudge.None || config.Hacking.OnHacking != HackingResponse.None;

    private static void Refuse(
        IReadOnlyList<string> some,
        string name,
        IReadOnlyList<string> others,
        string otherName,
        string consequence
    )
    {
        if (some.Intersect(others).FirstOrDefault() is { } shared)
        {
            throw new ConfigurationException(
                $"{name} and {otherName} have \"{shared}\" in common: {consequence}; name other files (--set {name}=FILE)"
            );
        }
    }
}
