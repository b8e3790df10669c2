// The judge by which a run chooses (a step, a strength, when to stop), and the pictures that it is asked about.

using FlowBP.Training.Configuration;
using FlowBP.Training.EmbeddedWorld;
using FlowBP.Training.Evaluation;

namespace FlowBP.Training.Runs;

/// <summary>Finds the judge of a choice.</summary>
internal static class ChoosingJudge
{
    /// <summary>Name of a judge's metric.</summary>
    /// <param name="judge">As the settings name it.</param>
    public static string MetricOf(SelectionJudge judge) =>
        judge switch
        {
            SelectionJudge.HeldOut => RewardJudge.HeldOut,
            SelectionJudge.Rules => ShapesJudge.MetricName,
            _ => throw new ArgumentOutOfRangeException(nameof(judge), judge, "no judge chooses"),
        };

    /// <summary>The judge.</summary>
    /// <param name="judge">As the settings name it.</param>
    /// <param name="judges">Who judges pictures of the prompts of choices.</param>
    /// <param name="setting">Name of the setting, for the message.</param>
    /// <exception cref="ConfigurationException">There is none.</exception>
    public static IPictureJudge Of(SelectionJudge judge, IReadOnlyList<IPictureJudge> judges, string setting) =>
        judges.FirstOrDefault(candidate => candidate.Metric == MetricOf(judge))
        ?? throw new ConfigurationException(
            judge == SelectionJudge.Rules
                ? $"{setting} rules needs prompts of the embedded world in select_prompts: there are no rules for others"
                : $"{setting} heldout needs heldout_reward"
        );

    /// <summary>Asks the judge about pictures of the prompts of choices, from noise that the final figures don't see.</summary>
    /// <param name="config">The run.</param>
    /// <param name="prompts">The prompts.</param>
    /// <param name="judge">The judge.</param>
    /// <param name="notice">Hears why a judge says nothing of pictures of this size.</param>
    public static ImageEvaluator Evaluator(
        AlignmentConfig config,
        IReadOnlyList<string> prompts,
        IPictureJudge judge,
        Action<string> notice
    ) =>
        new(
            prompts,
            [judge],
            config.Model.SamplingSteps,
            config.EvaluationSeed + 1,
            config.Selection.SelectImagesPerPrompt,
            config.Judges.EvalBatchSize,
            notice
        );
}
