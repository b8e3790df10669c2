namespace FlowBP.Training.Runs;

/// <summary>The counters of a run that a checkpoint has.</summary>
internal sealed class RunProgress
{
    /// <summary>Wall time of the steps before this process, seconds.</summary>
    public double EarlierSeconds { get; set; }

    /// <summary>Wall time of the steps of this process.</summary>
    public System.Diagnostics.Stopwatch Watch { get; } = new();

    /// <summary>Wall time of all steps, seconds.</summary>
    public double Seconds => EarlierSeconds + Watch.Elapsed.TotalSeconds;

    /// <summary>Steps that were left out because a number was not finite.</summary>
    public int LeftOut { get; set; }
}
