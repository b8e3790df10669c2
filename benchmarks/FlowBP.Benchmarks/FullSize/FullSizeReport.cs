// The result as Markdown. Work is the plan's own count of the products' operations; recomputed forwards count in the parts, where they
// take time, and not in the model's utilisation (MFU), where they are no use.

using System.Globalization;
using System.Text;
using FlowBP.Training.Alignment;
using FlowBP.Training.Planning;

namespace FlowBP.Benchmarks.FullSize;

internal static class FullSizeReport
{
    private const double Tera = 1e12;
    private const double Gibibyte = 1L << 30;

    // Names of a step's parts, and the plan's name of each part's work; parts without products have none.
    private static readonly (string Part, string? Work)[] s_parts =
    [
        ("encode", "encode"),
        ("rollout", "rollout"),
        ("weigh", null),
        ("reward", "reward gradient"),
        ("vjps", "vector-Jacobian products"),
        ("optimizer", null),
    ];

    /// <summary>Work of a part of a step, operations; 0 for parts without products.</summary>
    /// <param name="result">The result.</param>
    /// <param name="part">The part's name in a step's report.</param>
    internal static double Flops(FullSizeResult result, string part)
    {
        var name = s_parts.FirstOrDefault(each => each.Part == part).Work;
        return result.Plan.Work.Where(work => work.Name == name).Sum(work => work.Flops);
    }

    /// <summary>The run before it is made.</summary>
    internal static string Heading(FullSizeModel model, FullSizeOptions options, string device)
    {
        var request = FullSizeRun.Request(model.Planned, options.Config);
        var plan = new RunPlan(request);
        var config = options.Config;
        var text = new StringBuilder();
        text.AppendLine(Machine.Describe());
        text.AppendLine($"* device: {device}");
        text.AppendLine(
            Line(
                $"* model: {model.Planned.Name}{(options.Layers is { } layers ? $", {layers} layers of each kind" : "")}, random weights; transformer {plan.TransformerParameters / 1e6:0.0} M parameters, of which {plan.TrainedParameters / 1e6:0.0} M are trained"
            )
        );
        text.AppendLine(
            Line(
                $"* run: {config.Method.Name}, batch {request.Batch}, {request.Resolution} × {request.Resolution}, {request.RolloutSteps} steps, {plan.Cost.ActiveSteps:0.#} active, guidance {(request.IsGuided ? "with a second branch" : "without a second branch")}"
            )
        );
        text.AppendLine(
            Line(
                $"* types: {config.Model.ComputeDtype} compute, {config.Model.RewardDtype} autoencoder and reward; checkpointing {config.Training.GradientCheckpointing}; attention {(request.FusedAttention ? "fused" : "composed")}"
            )
        );
        text.Append(Line($"* predicted peak memory: {plan.PeakBytes / Gibibyte:0.0} GiB of tensors"));
        return text.ToString();
    }

    /// <summary>The table and the sums.</summary>
    internal static string Of(FullSizeResult result)
    {
        var best = result.Matrices.FlopsPerSecond;
        var step = Median(result.Steps, report => report.Seconds);
        var all = result.Plan.Work.Sum(work => work.Flops);
        var text = new StringBuilder();
        text.AppendLine(Line($"### one alignment step, median of {result.Steps.Count}")).AppendLine();
        text.AppendLine("| part | seconds | % of the step | TFLOP | TFLOP/s | % of the matrix product |");
        text.AppendLine("|---|---:|---:|---:|---:|---:|");
        foreach (var (part, _) in s_parts)
        {
            var seconds = Median(result.Steps, report => report.SecondsByPart.GetValueOrDefault(part));
            text.AppendLine(Row(part, seconds, step, Flops(result, part), best));
        }
        text.AppendLine(Row("step", step, step, all, best)).AppendLine();
        text.AppendLine(
            Line(
                $"* matrix product: {result.Matrices.Rows} × {result.Matrices.Inner} × {result.Matrices.Columns}, {best / Tera:0.00} TFLOP/s"
            )
        );
        text.AppendLine(
            Line(
                $"* MFU: {100 * result.ModelFlops / step / best:0.0} % ({result.ModelFlops / Tera:0.00} TFLOP without what is recomputed)"
            )
        );
        text.AppendLine(Line($"* images/s: {Median(result.Steps, report => report.ImagesPerSecond):0.000}"));
        text.AppendLine(
            Line(
                $"* peak memory of a step: {result.Steps.Max(report => report.PeakMemoryBytes) / Gibibyte:0.00} GiB of tensors, predicted {result.Plan.PeakBytes / Gibibyte:0.00}"
            )
        );
        if (result.ReservedBytes is { } reserved)
        {
            text.AppendLine(Line($"* taken from the driver: at most {reserved / Gibibyte:0.00} GiB"));
        }
        text.AppendLine(Line($"* networks built in {result.BuildSeconds:0.0} s"));
        text.AppendLine(Numbers("loss", result.Steps, report => report.Surrogate.Loss));
        text.AppendLine(Numbers("norm of the gradient", result.Steps, report => report.GradNorm));
        return text.ToString();
    }

    private static string Row(string part, double seconds, double step, double flops, double best) =>
        Line($"| {part} | {seconds:0.000} | {100 * seconds / step:0.0} | ")
        + (
            flops > 0
                ? Line($"{flops / Tera:0.00} | {flops / seconds / Tera:0.00} | {100 * flops / seconds / best:0.0} |")
                : "| | |"
        );

    private static string Numbers(string name, IReadOnlyList<StepReport> steps, Func<StepReport, double> number) =>
        $"* {name}: {string.Join(", ", steps.Select(step => Line($"{number(step):G6}")))}";

    private static double Median(IReadOnlyList<StepReport> steps, Func<StepReport, double> number) =>
        steps.Select(number).Order().ElementAt(steps.Count / 2);

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
