namespace FlowBP.Training.Evaluation;

/// <summary>Metrics' names for readers.</summary>
public static class MetricNames
{
    /// <summary>A metric's name in words.</summary>
    /// <param name="metric">As files name it.</param>
    public static string InWords(string metric) =>
        metric switch
        {
            RewardJudge.Training => "training reward",
            RewardJudge.HeldOut => "held-out reward",
            _ => metric.Replace('_', ' '),
        };

    /// <summary>In words, the name of a task or another group of prompts, which stands behind its metric's.</summary>
    /// <param name="metric">As files name it, METRIC/GROUP.</param>
    public static string GroupInWords(string metric) => metric[(metric.IndexOf('/') + 1)..].Replace('_', ' ');
}
