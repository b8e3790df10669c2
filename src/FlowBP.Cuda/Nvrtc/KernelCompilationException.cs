// A source that does not compile. Its text is embedded in an assembly, so an editor can't be pointed at it: the message brings
// the lines along.

using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace FlowBP.Cuda;

/// <summary>Kernels can't be compiled.</summary>
public sealed partial class KernelCompilationException : Exception
{
    // Later errors are often consequences of earlier ones.
    private const int MostLinesShown = 5;

    private KernelCompilationException(string message, string source, string log, IReadOnlyList<SourceLine> lines)
        : base(message)
    {
        SourceName = source;
        Log = log;
        Lines = lines;
    }

    /// <summary>Name of the source; empty where no source is to blame.</summary>
    public string SourceName { get; }

    /// <summary>The compiler's log.</summary>
    public string Log { get; }

    /// <summary>The lines that the log blames, in its order.</summary>
    public IReadOnlyList<SourceLine> Lines { get; }

    /// <summary>A line that a compiler complains of.</summary>
    /// <param name="File">The source or header.</param>
    /// <param name="Number">Its number, from 1.</param>
    /// <param name="Text">Its text.</param>
    public sealed record SourceLine(string File, int Number, string Text);

    internal static KernelCompilationException ForSource(
        KernelSource source,
        string target,
        string compiler,
        string error,
        string log
    )
    {
        var lines = BlamedLines(source, log);
        var message = new StringBuilder();
        message.Append(
            CultureInfo.InvariantCulture,
            $"{source.Name} does not compile for {target} with {compiler}: {error}"
        );
        if (log.Length > 0)
        {
            message.Append('\n').Append(log);
        }
        foreach (var line in lines)
        {
            message.Append(CultureInfo.InvariantCulture, $"\n{line.File}:{line.Number} | {line.Text}");
        }
        return new(message.ToString(), source.Name, log, lines);
    }

    internal static KernelCompilationException ForArchitecture(
        ComputeCapability architecture,
        IReadOnlyList<ComputeCapability> supported,
        string compiler
    ) => new($"{compiler} can't compile for {architecture}; it has: {string.Join(", ", supported)}", "", "", []);

    private static List<SourceLine> BlamedLines(KernelSource source, string log)
    {
        var lines = new List<SourceLine>();
        foreach (Match match in Complaint().Matches(log))
        {
            var file = match.Groups["file"].Value;
            var number = int.Parse(match.Groups["line"].Value, CultureInfo.InvariantCulture);
            var text = source.TextOf(file)?.Split('\n');
            if (text is not null && number >= 1 && number <= text.Length)
            {
                lines.Add(new(file, number, text[number - 1].TrimEnd('\r')));
            }
        }
        return [.. lines.Distinct().Take(MostLinesShown)];
    }

    // "replay.cu(12): error: …", also "catastrophic error" and, in newer releases, "error #20".
    [GeneratedRegex(@"^(?<file>[^\n(]+)\((?<line>[0-9]{1,9})\): (catastrophic )?error", RegexOptions.Multiline)]
    private static partial Regex Complaint();
}
