// The report as tables of texts, the same for a terminal and for a file. What is not defined is a dash.

using System.Globalization;
using FlowBP.Training.Devices;
using FlowBP.Training.Tables;
using static FlowBP.Training.Tables.FigureText;

namespace FlowBP.Training.Diagnosis;

/// <summary>Makes the tables of a report; each fits 80 columns.</summary>
public static class DiagnosisTables
{
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
    public static IReadOnlyList<TextTable> Of(DiagnosisReport report)
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
                        Significant(method.SplitDeviation?.Value),
                        Significant(method.EndDeviation?.Value),
                        Significant(method.ReconstructionError),
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

    private static string Short(Estimate? estimate) => Interval(estimate, value => Significant(value));

    private static string Variance(Estimate? estimate) =>
        Interval(estimate, value => value < 10 ? Fixed(value, 3) : Significant(value));

    private static string Interval(Estimate? estimate, Func<double, string> format) =>
        estimate is null ? Undefined
        : estimate.Value == 0 && estimate.Ci95 is [0, 0] ? "0"
        : $"{format(estimate.Value)} ({format(estimate.Ci95[0])}…{format(estimate.Ci95[1])})";
}
