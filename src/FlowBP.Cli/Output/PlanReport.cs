// A prediction as a page: memory by purpose, the phases that come on top of it one at a time, the verdict, the work.

using System.Globalization;
using FlowBP.Training.Planning;
using Spectre.Console;

namespace FlowBP.Cli.Output;

/// <summary>Prints predictions.</summary>
internal static class PlanReport
{
    private const double Tera = 1e12;

    private const string NotYetSharded = "note: training does not shard yet; that is what it will take when it does";

    /// <summary>Prints a prediction.</summary>
    /// <param name="terminal">Where to.</param>
    /// <param name="request">The run.</param>
    /// <param name="plan">Its prediction.</param>
    public static void Write(Terminal terminal, PlanRequest request, RunPlan plan)
    {
        var to = terminal.Output;
        to.WriteLine($"{request.Model.Name}, {request.Planner.Name}");
        to.WriteLine(
            $"{request.Resolution} × {request.Resolution} pixels, {request.RolloutSteps} rollout steps, batch {request.Batch}"
                + (request.Gpus > 1 ? $" on {request.Gpus} GPUs" : "")
                + (request.SamplesPerGpu < request.Batch ? $" ({request.SamplesPerGpu} at a time on each)" : "")
        );
        to.WriteLine($"{Count(plan.TrainedParameters)} of {Count(plan.TransformerParameters)} parameters are trained");
        to.WriteLine();
        var memory = Table("memory of each GPU", "");
        foreach (var part in plan.Resident)
        {
            memory.AddRow(new Text(part.Name), new Text(Figures.Bytes(part.Bytes)));
        }
        var largest = plan.Phases.MaxBy(part => part.Bytes)!;
        foreach (var phase in plan.Phases)
        {
            var name = phase == largest ? $"largest phase: {phase.Name}" : $"  (instead: {phase.Name})";
            memory.AddRow(new Text(name), new Text(Figures.Bytes(phase.Bytes)));
        }
        if (request.Accumulation == 1)
        {
            memory.AddRow(new Text("    gradients"), new Text(Figures.Bytes(plan.GradientBytes)));
        }
        if (plan.StoredInputBytes > 0)
        {
            memory.AddRow(new Text("    inputs of blocks"), new Text(Figures.Bytes(plan.StoredInputBytes)));
        }
        memory.AddRow(new Text("    activations"), new Text(Figures.Bytes(plan.SegmentBytes)));
        memory.AddRow(
            new Text("peak", new Style(decoration: Decoration.Bold)),
            new Text(Figures.Bytes(plan.PeakBytes))
        );
        terminal.Results.Write(memory);
        to.WriteLine(Verdict(request, plan));
        if (request.Sharding == Sharding.Full)
        {
            to.WriteLine(NotYetSharded);
        }
        to.WriteLine();

        var total = plan.Work.Sum(part => part.Flops);
        var work = Table("work of an update", "TFLOP", "share", "");
        foreach (var part in plan.Work)
        {
            work.AddRow(
                new Text(part.Name),
                new Text(Teraflops(part.Flops)),
                new Text(Figures.Percent(total > 0 ? part.Flops / total : 0)),
                new Text(part.Evaluations)
            );
        }
        work.AddRow(new Text("all"), new Text(Teraflops(total)), new Text(""), new Text(""));
        terminal.Results.Write(work);
    }

    /// <summary>Prints what makes a run fit, or how far away a fit is.</summary>
    /// <param name="terminal">Where to.</param>
    /// <param name="ways">Settings that fit.</param>
    /// <param name="smallest">The run that needs least, where none fits.</param>
    public static void WriteWays(Terminal terminal, IReadOnlyList<FittingSettings> ways, FittingSettings? smallest)
    {
        var to = terminal.Output;
        to.WriteLine();
        if (smallest is not null)
        {
            to.WriteLine(
                $"no setting makes it fit: even with {string.Join(' ', smallest.Changes)} it needs"
                    + $" {Figures.Bytes(smallest.Plan.PeakBytes)}; take a smaller batch or resolution, or larger GPUs"
            );
            return;
        }
        to.WriteLine("what makes it fit, cheapest first:");
        foreach (var way in ways)
        {
            to.WriteLine($"  {string.Join(' ', way.Changes)}");
            to.WriteLine(
                $"    {Figures.Bytes(way.Plan.PeakBytes)}, {Teraflops(way.Plan.Work.Sum(part => part.Flops))} TFLOP an update"
            );
        }
        if (ways.Any(way => way.Request.Sharding == Sharding.Full))
        {
            to.WriteLine(NotYetSharded);
        }
    }

    private static string Verdict(PlanRequest request, RunPlan plan) =>
        double.IsInfinity(request.GpuMemoryBytes) ? ""
        : plan.Fits
            ? $"fits into {Figures.Bytes((long)request.GpuMemoryBytes)}:"
                + $" {Figures.Bytes((long)request.GpuMemoryBytes - plan.PeakBytes)} to spare"
        : $"does not fit into {Figures.Bytes((long)request.GpuMemoryBytes)}:"
            + $" {Figures.Bytes(plan.PeakBytes - (long)request.GpuMemoryBytes)} too much";

    private static Table Table(params string[] headers)
    {
        var table = new Table().NoBorder();
        for (var i = 0; i < headers.Length; i++)
        {
            var column = new TableColumn(headers[i]) { NoWrap = true, Padding = new Padding(0, 0, 2, 0) };
            table.AddColumn(i is 1 or 2 ? column.RightAligned() : column);
        }
        return table;
    }

    private static string Teraflops(double flops) =>
        flops < Tera ? Figures.Short(flops / Tera) : (flops / Tera).ToString("N0", CultureInfo.InvariantCulture);

    private static string Count(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
