// Where the time of a training step goes: the embedded model, one step after the other, the methods taking turns, split
// into encoding, rollout, residuals, reward gradient, vector-Jacobian products and optimizer.

using System.Globalization;
using FlowBP.Training;
using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;

namespace FlowBP.Benchmarks;

internal static class StepBenchmark
{
    private const int WarmUpSteps = 2;
    private const int Steps = 9;

    internal static int Run(string[] methods)
    {
        var names = methods.Length == 0 ? ["flowbp-sparse", "flowbp-bridge", "leapalign", "refl"] : methods;
        Console.WriteLine(Machine.Describe());
        var trainers = names.Select(Prepare).ToArray();
        for (var step = 0; step < WarmUpSteps + Steps; step++)
        {
            foreach (var (_, trainer, reports) in trainers)
            {
                var report = trainer.Step(step);
                if (step >= WarmUpSteps)
                {
                    reports.Add(report);
                }
            }
        }
        string[] parts = [.. trainers[0].Reports[0].SecondsByPart.Keys];
        Console.WriteLine($"\n### one alignment step, median of {Steps}, milliseconds\n");
        Console.WriteLine($"| method | {string.Join(" | ", parts)} | step | peak MiB |");
        Console.WriteLine($"|---|{string.Concat(parts.Select(_ => "---:|"))}---:|---:|");
        foreach (var (name, _, reports) in trainers)
        {
            var cells = parts.Select(part => Milliseconds(reports, report => report.SecondsByPart[part]));
            var peak = reports.Max(report => report.PeakMemoryBytes) / (1 << 20);
            Console.WriteLine(
                $"| {name} | {string.Join(" | ", cells)} | {Milliseconds(reports, report => report.Seconds)} | {peak} |"
            );
        }
        return 0;
    }

    private static (string Name, AlignmentTrainer Trainer, List<StepReport> Reports) Prepare(string method)
    {
        var config = AlignmentConfig.Resolve([KeyValuePair.Create("method", method)]);
        var model = new TextToImage(config.Model, config.Training);
        var reward = RewardFolder.Load(config.Judges.RewardFolder);
        return (method, new AlignmentTrainer(config, model, reward, PromptFile.Read(config.Prompts)), []);
    }

    private static string Milliseconds(List<StepReport> reports, Func<StepReport, double> seconds) =>
        (reports.Select(seconds).Order().ElementAt(reports.Count / 2) * 1e3).ToString(
            "F1",
            CultureInfo.InvariantCulture
        );
}
