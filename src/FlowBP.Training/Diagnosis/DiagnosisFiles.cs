// The report as files: all figures in full for programs (JSON, and a table with a row per method and branch), the printed tables for
// readers. Seconds and memory are the only values that another run of the same settings has otherwise.

using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using FlowBP.Formats;
using FlowBP.Training.Tables;

namespace FlowBP.Training.Diagnosis;

/// <summary>Writes diagnose.json, diagnose.csv and diagnose.md.</summary>
internal static class DiagnosisFiles
{
    private static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    private static readonly (string Name, Func<MethodDiagnosis, BranchFidelity, object?> Value)[] s_columns =
    [
        ("method", (method, _) => method.Method),
        ("cfg_detach_neg", (method, branch) => branch == method.Detached ? "true" : "false"),
        .. Interval("cosine", (_, branch) => branch.Cosine),
        .. Interval("norm_ratio", (_, branch) => branch.NormRatio),
        .. Interval("mean_cosine", (_, branch) => branch.MeanCosine),
        .. Interval("variance_per_sample", (_, branch) => branch.VariancePerSample),
        .. Interval("variance_per_batch", (_, branch) => branch.VariancePerBatch),
        ("zero_gradients", (_, branch) => branch.ZeroGradients),
        .. Interval("split_deviation", (method, _) => method.SplitDeviation),
        .. Interval("end_deviation", (method, _) => method.EndDeviation),
        ("reconstruction_error", (method, _) => method.ReconstructionError),
        .. Interval("coverage", (method, _) => method.Coverage),
        ("nested_depth", (method, _) => method.NestedDepth),
        ("forwards_per_sample", (method, _) => method.ForwardsPerSample),
        ("products_per_sample", (method, _) => method.ProductsPerSample),
        ("seconds", (_, branch) => branch.Seconds),
        ("peak_memory_bytes", (_, branch) => branch.PeakMemoryBytes),
    ];

    /// <summary>Writes the files.</summary>
    /// <param name="folder">The folder, which is created.</param>
    /// <param name="settings">What was asked for.</param>
    /// <param name="report">What was found.</param>
    /// <exception cref="CheckpointException">A file can't be written.</exception>
    public static void Write(string folder, DiagnosisSettings settings, DiagnosisReport report)
    {
        FolderEntries.Create(folder);
        var resolved = DiagnosisSettings.Table.Texts(settings).ToDictionary(pair => pair.Key, pair => pair.Value);
        var json = JsonSerializer.Serialize(
            new
            {
                Settings = resolved,
                Report = report,
                Readings = DiagnosisReadings.Of(report),
            },
            s_json
        );
        AtomicFile.WriteText(Path.Combine(folder, "diagnose.json"), json + "\n");
        AtomicFile.WriteText(Path.Combine(folder, "diagnose.csv"), Csv(report));
        AtomicFile.WriteText(Path.Combine(folder, "diagnose.md"), Markdown(settings, report));
    }

    private static string Csv(DiagnosisReport report)
    {
        var rows = report.Methods.SelectMany(method =>
            new[] { method.Detached, method.Attached }
                .OfType<BranchFidelity>()
                .Select(branch => s_columns.Select(column => column.Value(method, branch)))
        );
        return CsvText.Of(rows.Prepend(s_columns.Select(column => column.Name)));
    }

    private static string Markdown(DiagnosisSettings settings, DiagnosisReport report)
    {
        var to = new StringBuilder();
        to.Append(
            CultureInfo.InvariantCulture,
            $"# Gradients against full backpropagation\n\n{DiagnosisTables.Subject(settings, report)}\n"
        );
        foreach (var table in DiagnosisTables.Of(report))
        {
            to.Append(table.Markdown());
        }
        to.Append("\n## Readings\n\n");
        foreach (var reading in DiagnosisReadings.Of(report))
        {
            to.Append(CultureInfo.InvariantCulture, $"* {reading}\n");
        }
        return to.ToString();
    }

    private static (string, Func<MethodDiagnosis, BranchFidelity, object?>)[] Interval(
        string name,
        Func<MethodDiagnosis, BranchFidelity, Estimate?> of
    ) =>
        [
            (name, (method, branch) => of(method, branch)?.Value),
            ($"{name}_low", (method, branch) => of(method, branch)?.Ci95[0]),
            ($"{name}_high", (method, branch) => of(method, branch)?.Ci95[1]),
        ];
}
