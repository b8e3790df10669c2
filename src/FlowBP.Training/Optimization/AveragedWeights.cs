// What is evaluated, drawn and stored is the moving average; what is trained on is not. The exchange is a scope, so that whatever
// happens within (a NaN in an evaluation, a full disk) the two are where they belong afterwards.

namespace FlowBP.Training.Optimization;

/// <summary>Has the parameters hold their moving averages, where they are kept, until it is disposed.</summary>
public sealed class AveragedWeights : IDisposable
{
    private readonly FusedAdamW? exchanged;
    private readonly Action? before;

    private AveragedWeights() { }

    /// <summary>Exchanges nothing: the averages can't be had.</summary>
    public static AveragedWeights AsTheyAre { get; } = new();

    /// <summary>Exchanges, unless the parameters hold the averages already or none are kept.</summary>
    /// <param name="optimizer">Keeps the averages; stays the caller's.</param>
    /// <param name="before">Called before each exchange; null: nobody needs to know.</param>
    public AveragedWeights(FusedAdamW optimizer, Action? before = null)
    {
        this.before = before;
        if (optimizer.Settings.EmaDecay is null || optimizer.HoldsAverage)
        {
            return;
        }
        before?.Invoke();
        optimizer.SwapWithEma();
        exchanged = optimizer;
    }

    /// <summary>Exchanges back.</summary>
    public void Dispose()
    {
        if (exchanged is { HoldsAverage: true })
        {
            before?.Invoke();
            exchanged.SwapWithEma();
        }
    }
}
