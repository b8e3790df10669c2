// What the figures say, in sentences. Two neighbours are told apart by their differences on the same prompts and noise: much of what
// widens an interval they have in common.

using FlowBP.Training.Devices;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Tables;

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
            $"{method.Method} {(method.Leading.Cosine is { } cosine ? FigureText.Fixed(cosine.Value, 3) : "undefined")}"
        );
        var branch =
            report.OrderedByDetached ? ", the negative branch detached (cfg_detach_neg true)"
            : report.Methods.Any(method => method.Detached is not null)
                ? ", both branches differentiated (cfg_detach_neg false)"
            : "";
        return $"Closest to full backpropagation first{branch}: {string.Join(", ", names)}.";
    }

    private static string? Overlaps(DiagnosisReport report)
    {
        var methods = Ordered(report);
        var groups = Groups(methods, (upper, lower) => upper.Leading.Cosine!.Overlaps(lower.Leading.Cosine!));
        return methods.Length < 2 ? null
            : groups.Length == 0 ? "The intervals of no two neighbours in this order overlap."
            : $"Intervals of neighbours overlap in: {string.Join("; ", groups)}.";
    }

    private static string? ToldApart(DiagnosisReport report)
    {
        var methods = Ordered(report);
        if (methods.Length < 2)
        {
            return null;
        }
        if (report.Draws < PairedGain.FewestPrompts)
        {
            return $"{report.Draws} draws are too few to tell neighbours apart; {PairedGain.FewestPrompts} or more can.";
        }
        var groups = Groups(methods, (upper, lower) => Direction(lower.Leading, upper.Leading) is not 1);
        return groups.Length == 0
            ? "Draw by draw, on the same prompts and noise, all neighbours are told apart."
            : $"Draw by draw, on the same prompts and noise, neighbours are told apart but in: {string.Join("; ", groups)}.";
    }

    private static string? NegativeBranch(DiagnosisReport report)
    {
        MethodDiagnosis[] guided =
        [
            .. report.Methods.Where(method => method is { Detached.Cosine: not null, Attached.Cosine: not null }),
        ];
        if (guided.Length == 0 || report.Draws < PairedGain.FewestPrompts)
        {
            return null;
        }
        var changes = guided
            .GroupBy(method => Direction(method.Detached!, method.Attached) ?? 0)
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
            .Methods.Select(method => method.Leading)
            .Where(branch => branch is { Cosine: not null, MeanCosine: not null, VariancePerSample.Value: > 0 })
            .Select(branch => branch.MeanCosine!.Value - branch.Cosine!.Value)
            .ToArray();
        return drawn.Length == 0
            ? null
            : $"Over draws of indices, the cosine of a method's mean gradient is {FigureText.Fixed(drawn.Min(), 3)} to"
                + $" {FigureText.Fixed(drawn.Max(), 3)} above that of one gradient: so much is variance, and what the mean"
                + " still lacks to 1 is bias, which no number of draws removes.";
    }

    private static string? Scopes(DiagnosisReport report)
    {
        MethodDiagnosis[] drawn =
        [
            .. report.Methods.Where(method =>
                method.Leading is { VariancePerSample.Value: > 0, VariancePerBatch.Value: > 0 }
            ),
        ];
        if (drawn.Length == 0 || report.BatchSize == 1)
        {
            return null;
        }
        double[] ratios =
        [
            .. drawn
                .Select(method => method.Leading.VariancePerBatch!.Value / method.Leading.VariancePerSample!.Value)
                .Order(),
        ];
        var apart = drawn
            .Where(method => !method.Leading.VariancePerBatch!.Overlaps(method.Leading.VariancePerSample!))
            .Select(method => method.Method)
            .ToArray();
        return $"One draw of indices for the batch of {report.BatchSize} has"
            + $" {FigureText.Significant(ratios[0])} to {FigureText.Significant(ratios[^1])} times the variance of"
            + $" a draw per sample (median {FigureText.Significant(PairedBootstrap.Quantile(ratios, 0.5))}); the two intervals"
            + (apart.Length == 0 ? " overlap for every method." : $" are apart for {string.Join(", ", apart)}.");
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

    // Those whose direction is defined.
    private static MethodDiagnosis[] Ordered(DiagnosisReport report) =>
        [.. report.Methods.Where(method => method.Leading.Cosine is not null)];

    // Runs of neighbours that are alike, two or more names each.
    private static string[] Groups(MethodDiagnosis[] methods, Func<MethodDiagnosis, MethodDiagnosis, bool> areAlike)
    {
        List<List<string>> runs = [];
        for (var i = 0; i < methods.Length; i++)
        {
            if (i > 0 && areAlike(methods[i - 1], methods[i]))
            {
                runs[^1].Add(methods[i].Method);
            }
            else
            {
                runs.Add([methods[i].Method]);
            }
        }
        return [.. runs.Where(run => run.Count > 1).Select(run => string.Join(", ", run))];
    }
}
