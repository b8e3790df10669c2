namespace FlowBP.Cli.Output;

/// <summary>How long work of equal steps will still take.</summary>
internal static class Remaining
{
    /// <summary>By the mean pace so far.</summary>
    /// <param name="done">Steps done, at least 1.</param>
    /// <param name="total">Steps in all.</param>
    /// <param name="elapsed">Time since the first step began.</param>
    public static TimeSpan Of(int done, int total, TimeSpan elapsed) => elapsed / done * Math.Max(0, total - done);
}
