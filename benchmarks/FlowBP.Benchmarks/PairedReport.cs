// On a shared machine two timings taken a minute apart can't be compared. Here the variants of one operation take turns
// within one process, each round starting with another one, and medians over the rounds are compared: whatever disturbs
// the machine disturbs all variants alike.

using System.Diagnostics;
using System.Globalization;

namespace FlowBP.Benchmarks;

/// <summary>One way to perform an operation.</summary>
/// <param name="Name">What is timed.</param>
/// <param name="Bytes">Memory traffic that the operation needs at least, of one run; what the GB/s refer to.</param>
/// <param name="Action">Runs it once.</param>
internal sealed record Variant(string Name, double Bytes, Action Action)
{
    /// <summary>Runs before each timing, untimed.</summary>
    internal Action? Before { get; init; }
}

internal static class PairedReport
{
    private const int WarmUpRounds = 3;
    private const int Rounds = 21;

    internal static int Run(string[] names)
    {
        string[] known = ["replay", "residual", "optimizer", "dropin", "call", "loading"];
        if (names.Except(known).ToArray() is [var unknown, ..])
        {
            Console.Error.WriteLine($"unknown benchmark '{unknown}': expected any of {string.Join(", ", known)}");
            return 2;
        }
        Console.WriteLine(Machine.Describe());
        foreach (var name in names.Length == 0 ? known : names)
        {
            switch (name)
            {
                case "replay":
                    using (var replay = new ReplayBenchmarks())
                    {
                        Report(ReplayBenchmarks.Title, replay.Variants());
                    }
                    break;
                case "residual":
                    using (var residual = new ResidualBenchmarks())
                    {
                        Report(ResidualBenchmarks.Title, residual.Variants());
                    }
                    break;
                case "dropin":
                    foreach (var tensors in (int[])[10, 1000])
                    {
                        using var dropIn = new DropInBenchmarks(tensors);
                        Report(dropIn.Title, dropIn.Variants());
                    }
                    break;
                case "call":
                    using (var call = new CallBenchmarks())
                    {
                        Report(CallBenchmarks.Title, call.Variants());
                    }
                    break;
                case "loading":
                    using (var loading = new LoadingBenchmarks())
                    {
                        Report(LoadingBenchmarks.Title, loading.Variants());
                        Report(LoadingBenchmarks.ColdTitle, loading.ColdVariants(), warmUpRounds: 0, rounds: 5);
                    }
                    break;
                default:
                    using (var optimizer = new OptimizerBenchmarks())
                    {
                        Report(OptimizerBenchmarks.Title, optimizer.Variants());
                    }
                    break;
            }
        }
        return 0;
    }

    // The first variant is the one that the others are compared with.
    private static void Report(string title, Variant[] variants, int warmUpRounds = WarmUpRounds, int rounds = Rounds)
    {
        var seconds = variants.Select(_ => new List<double>()).ToArray();
        for (var round = -warmUpRounds; round < rounds; round++)
        {
            for (var turn = 0; turn < variants.Length; turn++)
            {
                var i = (turn + round + warmUpRounds) % variants.Length;
                variants[i].Before?.Invoke();
                var start = Stopwatch.GetTimestamp();
                variants[i].Action();
                var elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
                if (round >= 0)
                {
                    seconds[i].Add(elapsed);
                }
            }
        }
        Console.WriteLine($"\n### {title}\n");
        Console.WriteLine("| variant | median ms | fastest ms | GB/s | times the first one's median |");
        Console.WriteLine("|---|---:|---:|---:|---:|");
        var first = Median(seconds[0]);
        for (var i = 0; i < variants.Length; i++)
        {
            var median = Median(seconds[i]);
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {variants[i].Name} | {median * 1e3:F2} | {seconds[i].Min() * 1e3:F2} | {variants[i].Bytes / median / 1e9:F1} | {median / first:F2} |"
                )
            );
        }
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
