// What the figures say, in sentences. Two neighbours are told apart by their differences on the same prompts and noise: much of what
// widens an interval they have in common.

using FlowBP.Training.Devices;
using FlowBP.Training.Evaluation;

namespace FlowBP.Training.Diagnosis;

/// <summary>Reads a report.</summary>
public static class DiagnosisReadings
{
    /// <summary>The readings, a sentence or two each.</summary>
    /// <param name="report">The report.</param>
    public static IReadOnlyList<string> Of(DiagnosisReport report)
    {
        string?[] readings =
        [
            Order(report),
            Overlaps(report),
            ToldApart(report),
            NegativeBranch(report),
            Bias(report),
            Scopes(report),
            Zeros(report),
            Memory(report),
        ];
        return [.. readings.OfType<string>()];
    }

    private static string Order(DiagnosisReport report)
    {
        var names = report.Methods.Select(method =>
            $"{method.Method} {(method.Leading.Cosine is { } cosine ? DiagnosisTables.Fixed(cosine.Value, 3) : "undefined")}"
        );
        var branch = report.Methods.Any(method => method.Detached is not null)
            ? ", the negative branch detached as in training by default"
            : "";
        return $"Closest to full backpropagation first{branch}: {string.Join(", ", names)}.";
    }

    private static IEnumerable<(MethodDiagnosis Upper, MethodDiagnosis Lower)> Neighbours(DiagnosisReport report) =>
        report
            .Methods.Zip(report.Methods.Skip(1))
            .Where(pair => pair.First.Leading.Cosine is not null && pair.Second.Leading.Cosine is not null);

    private static string? Overlaps(DiagnosisReport report)
    {
        var all = Neighbours(report).ToArray();
        var overlapping = all.Where(pair => pair.Upper.Leading.Cosine!.Overlaps(pair.Lower.Leading.Cosine!)).ToArray();
        return all.Length == 0 ? null
            : overlapping.Length == 0 ? "The intervals of no two neighbours overlap."
            : $"The intervals of these neighbours overlap: {Names(overlapping)}.";
    }

    private static string? ToldApart(DiagnosisReport report)
    {
        if (report.Methods.Count < 2)
        {
            return null;
        }
        if (report.Draws < PairedGain.FewestPrompts)
        {
            return $"{report.Draws} draws are too few to tell neighbours apart; {PairedGain.FewestPrompts} or more can.";
        }
        var alike = Neighbours(report)
            .Where(pair => Direction(pair.Lower.Leading, pair.Upper.Leading) is not 1)
            .ToArray();
        return alike.Length == 0
            ? "Draw by draw, on the same prompts and noise, all neighbours are told apart."
            : $"Draw by draw, on the same prompts and noise, these neighbours are not told apart: {Names(alike)}.";
    }

    private static string? NegativeBranch(DiagnosisReport report)
    {
        var guided = report.Methods.Where(method =>
            method.Detached?.Cosine is not null && method.Attached.Cosine is not null
        );
        if (!guided.Any())
        {
            return null;
        }
        var changes = guided
            .GroupBy(method =>
                report.Draws < PairedGain.FewestPrompts ? 0 : Direction(method.Detached!, method.Attached) ?? 0
            )
            .OrderByDescending(group => group.Key)
            .Select(group =>
                $"{group.Key switch { > 0 => "raises", < 0 => "lowers", _ => "does not clearly change" }} the cosine of "
                + string.Join(", ", group.Select(method => method.Method))
            );
        return $"Differentiating the negative branch {string.Join("; it ", changes)}.";
    }

    private static string? Bias(DiagnosisReport report)
    {
        var drawn = report
            .Methods.Where(method =>
                method.Leading is { Cosine: not null, MeanCosine: not null, VariancePerSample.Value: > 0 }
            )
            .ToArray();
        if (drawn.Length == 0)
        {
            return null;
        }
        var most = drawn.MaxBy(method => method.Leading.MeanCosine!.Value - method.Leading.Cosine!.Value)!;
        var (mean, one) = (most.Leading.MeanCosine!.Value, most.Leading.Cosine!.Value);
        return $"More draws of indices would bring {most.Method} closest to where it is not yet: from"
            + $" {DiagnosisTables.Fixed(one, 3)} for one gradient to {DiagnosisTables.Fixed(mean, 3)} for its mean;"
            + " what then is missing to 1 is bias, which no number of draws removes.";
    }

    private static string? Scopes(DiagnosisReport report)
    {
        double[] ratios =
        [
            .. report
                .Methods.Where(method =>
                    method.Leading is { VariancePerSample.Value: > 0, VariancePerBatch.Value: > 0 }
                )
                .Select(method => method.Leading.VariancePerBatch!.Value / method.Leading.VariancePerSample!.Value)
                .Order(),
        ];
        return ratios.Length == 0 || report.BatchSize == 1
            ? null
            : $"One draw of indices for the batch of {report.BatchSize} has"
                + $" {DiagnosisTables.Significant(ratios[0])} to {DiagnosisTables.Significant(ratios[^1])} times the variance of"
                + $" a draw per sample (median {DiagnosisTables.Significant(PairedBootstrap.Quantile(ratios, 0.5))}).";
    }

    private static string? Zeros(DiagnosisReport report)
    {
        var zero = report.Methods.Where(method => method.Leading.ZeroGradients > 0).ToArray();
        return zero.Length == 0
            ? null
            : "Some gradients were zero and have no cosine: "
                + string.Join(", ", zero.Select(method => $"{method.Method} {method.Leading.ZeroGradients}"))
                + $" of {report.Draws * report.IndexDraws}.";
    }

    private static string? Memory(DiagnosisReport report) =>
        report.PeakMemoryOf switch
        {
            PeakMemoryKind.Process =>
                "Peak memory is that of the whole process, which keeps what it frees: this libtorch does not count tensors.",
            PeakMemoryKind.Unknown => "Neither this libtorch nor the system tells peak memory.",
            _ => null,
        };

    // 1: the second is closer, draw by draw.
    private static int? Direction(BranchFidelity first, BranchFidelity second)
    {
        var both = first
            .CosineByDraw.Zip(second.CosineByDraw)
            .Where(pair => pair.First is not null && pair.Second is not null)
            .ToArray();
        return both.Length == 0
            ? null
            : PairedBootstrap
                .Compare([.. both.Select(pair => pair.First!.Value)], [.. both.Select(pair => pair.Second!.Value)])
                .Direction;
    }

    private static string Names(IEnumerable<(MethodDiagnosis Upper, MethodDiagnosis Lower)> pairs) =>
        string.Join("; ", pairs.Select(pair => $"{pair.Upper.Method} and {pair.Lower.Method}"));
}
