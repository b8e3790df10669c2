namespace FlowBP.Cli.Output;

/// <summary>How long work of equal steps will still take.</summary>
internal static class Remaining
{
    /// <summary>By the mean pace so far, such as <c>1:30</c>; a dash before the first step is done.</summary>
    /// <param name="done">Steps done.</param>
    /// <param name="total">Steps in all.</param>
    /// <param name="elapsed">Time since the first step began.</param>
    public static string Text(int done, int total, TimeSpan elapsed) =>
        done <= 0 ? "-" : Figures.Duration(elapsed / done * Math.Max(0, total - done));
}
