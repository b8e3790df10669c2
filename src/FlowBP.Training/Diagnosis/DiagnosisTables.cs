// The report as tables of texts, the same for a terminal and for a file. What is not defined is a dash.

using System.Globalization;
using FlowBP.Training.Devices;

namespace FlowBP.Training.Diagnosis;

/// <summary>A table whose first column is a name and whose others are figures.</summary>
/// <param name="Title">What it shows.</param>
/// <param name="Headers">Of its columns.</param>
/// <param name="Rows">As many texts each.</param>
public sealed record DiagnosisTable(
    string Title,
    IReadOnlyList<string> Headers,
    IReadOnlyList<IReadOnlyList<string>> Rows
);

/// <summary>Makes the tables of a report; each fits 80 columns.</summary>
public static class DiagnosisTables
{
    /// <summary>What stands where a quantity is not defined.</summary>
    public const string Undefined = "-";

    private const double Mebibyte = 1 << 20;

    /// <summary>What was measured, in a line.</summary>
    /// <param name="settings">What was asked for.</param>
    /// <param name="report">What was found.</param>
    public static string Subject(DiagnosisSettings settings, DiagnosisReport report) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"Model {settings.Model.Model}, {report.Parameters:N0} parameters, {report.RolloutSteps} steps; {report.Draws} draws"
                + $" of {report.BatchSize} prompts and their noise, {report.IndexDraws} draws of indices each; seed {settings.Model.Seed}."
        );

    /// <summary>Direction and length, draws of indices, the surrogate, the cost.</summary>
    /// <param name="report">The report.</param>
    public static IReadOnlyList<DiagnosisTable> Of(DiagnosisReport report)
    {
        var methods = report.Methods;
        var isGuided = methods.Any(method => method.Detached is not null);
        return
        [
            new(
                "one gradient against full backpropagation's (95 % interval)",
                ["method", .. ByBranch("cosine"), "norm ratio"],
                Rows(method =>
                    [.. OfBranches(method, branch => Cosine(branch.Cosine)), Short(method.Leading.NormRatio)]
                )
            ),
            new(
                "over draws of indices: bias and relative variance (95 % interval)",
                ["method", "cosine of mean", "variance", "variance, shared"],
                Rows(method =>
                    [
                        Cosine(method.Leading.MeanCosine),
                        Variance(method.Leading.VariancePerSample),
                        Variance(method.Leading.VariancePerBatch),
                    ]
                )
            ),
            new(
                "the surrogate",
                ["method", "coverage", "depth", "dev. split", "dev. end", "replay error"],
                Rows(method =>
                    [
                        method.Coverage is { } coverage ? $"{Fixed(100 * coverage.Value, 1)} %" : Undefined,
                        $"{method.NestedDepth}",
                        Plain(method.SplitDeviation?.Value),
                        Plain(method.EndDeviation?.Value),
                        Plain(method.ReconstructionError),
                    ]
                )
            ),
            new(
                "the cost of one gradient: evaluations per sample, seconds and memory of a batch",
                ["method", "forwards", "products", .. ByBranch("s"), MemoryHeader(report.PeakMemoryOf)],
                Rows(method =>
                    [
                        Fixed(method.ForwardsPerSample, 1),
                        Fixed(method.ProductsPerSample, 1),
                        .. OfBranches(method, branch => Fixed(branch.Seconds, 2)),
                        method.Leading.PeakMemoryBytes is { } bytes ? Fixed(bytes / Mebibyte, 0) : Undefined,
                    ]
                )
            ),
        ];

        IReadOnlyList<IReadOnlyList<string>> Rows(Func<MethodDiagnosis, IEnumerable<string>> figures) =>
            [.. methods.Select(method => (IReadOnlyList<string>)[method.Method, .. figures(method)])];

        // The one that methods are ordered by stands first.
        IEnumerable<string> ByBranch(string text) =>
            !isGuided ? [text]
            : report.OrderedByDetached ? [$"{text}, detached", $"{text}, attached"]
            : [$"{text}, attached", $"{text}, detached"];

        IEnumerable<string> OfBranches(MethodDiagnosis method, Func<BranchFidelity, string> figure) =>
            method.Detached is not { } detached ? [figure(method.Attached)]
            : report.OrderedByDetached ? [figure(detached), figure(method.Attached)]
            : [figure(method.Attached), figure(detached)];
    }

    private static string MemoryHeader(PeakMemoryKind kind) =>
        kind == PeakMemoryKind.Process ? "MiB, process" : "MiB, tensors";

    private static string Cosine(Estimate? estimate) => Interval(estimate, value => Fixed(value, 3));

    private static string Short(Estimate? estimate) => Interval(estimate, Significant);

    private static string Variance(Estimate? estimate) =>
        Interval(estimate, value => value < 10 ? Fixed(value, 3) : Significant(value));

    private static string Interval(Estimate? estimate, Func<double, string> format) =>
        estimate is null ? Undefined
        : estimate.Value == 0 && estimate.Ci95 is [0, 0] ? "0"
        : $"{format(estimate.Value)} ({format(estimate.Ci95[0])}…{format(estimate.Ci95[1])})";

    private static string Plain(double? value) => value is { } number ? Significant(number) : Undefined;

    /// <summary>A number with so many decimals; what rounds to zero from below is no negative number.</summary>
    internal static string Fixed(double value, int decimals)
    {
        var rounded = Math.Round(value, decimals);
        return (rounded == 0 ? 0 : rounded).ToString($"F{decimals}", CultureInfo.InvariantCulture);
    }

    /// <summary>A number of three significant digits.</summary>
    internal static string Significant(double value)
    {
        var size = Math.Abs(value);
        return size == 0 ? "0"
            : size is >= 1000 or < 0.001 ? value.ToString("0.0e0", CultureInfo.InvariantCulture)
            : Fixed(value, Math.Max(0, 2 - (int)Math.Floor(Math.Log10(size))));
    }
}
