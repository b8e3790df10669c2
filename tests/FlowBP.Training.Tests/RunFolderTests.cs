using FlowBP.Formats;
using FlowBP.Training.Alignment;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Tests;

/// <summary>Folders of runs, and runs that were there before.</summary>
public abstract class RunFolderTests
{
    private protected TemporaryFolder Folder { get; private set; } = null!;

    [SetUp]
    public void CreateFolder() => Folder = new();

    [TearDown]
    public void DeleteFolder() => Folder.Dispose();

    private protected static void StoreWeights(OutputFolder output) =>
        output.Store(() => AtomicFile.WriteText(Path.Combine(output.Model, "weights.safetensors"), ""));

    // The lines of a manifest that its run holds open.
    private protected string[] Manifest(string name)
    {
        // The lock is .NET's own: another program reads it all the same.
        using var process = System.Diagnostics.Process.Start(
            new System.Diagnostics.ProcessStartInfo("cat", [Folder.Of($"{name}/.flowbp-run")])
            {
                RedirectStandardOutput = true,
            }
        )!;
        return process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private protected void CompleteRun(string name)
    {
        EarlierRun(name);
        Folder.Write($"{name}/model/weights.safetensors", "");
        File.AppendAllText(Folder.Of($"{name}/.flowbp-run"), "model/weights.safetensors\n");
    }

    private protected void StoredWithoutStep(string name)
    {
        CompleteRun(name);
        File.WriteAllText(Folder.Of($"{name}/metrics.jsonl"), "");
    }

    // A run of two steps; returns one of its files.
    private protected string EarlierRun(string name)
    {
        var other = Folder.Of($"{name}-made");
        string sample;
        using (var output = new OutputFolder(other, overwrite: false))
        {
            output.Records.WriteMetrics(Report(1));
            output.Records.WriteMetrics(Report(2));
            sample = Path.GetRelativePath(other, output.Sample(9));
            File.WriteAllText(Path.Combine(other, sample), "a picture");
        }
        Directory.Move(other, Folder.Of(name));
        return Folder.Of($"{name}/{sample}");
    }

    private protected int Lines(string name) => File.ReadLines(Folder.Of(name)).Count();

    private protected static StepReport Report(int step) =>
        new()
        {
            Step = step,
            GradNorm = 0.25,
            LearningRate = 1e-5,
            Seconds = 1,
            SecondsByPart = new Dictionary<string, double> { ["rollout"] = 0.5 },
            ImagesPerSecond = 2,
            PeakMemoryBytes = 1024,
            Surrogate = new()
            {
                Loss = 0.5,
                Reward = 0.3,
                SampleWeight = 1,
                ActiveFraction = 1,
                KeptFraction = 1,
                SplitDeviation = null,
                EndDeviation = null,
                ReconstructionError = null,
                Coverage = 0.4,
                NestedDepth = 0,
                NegativeWeightFraction = 0,
                Rescale = new Dictionary<string, double> { ["gamma"] = 1.5 },
                Indices =
                [
                    new Dictionary<string, IReadOnlyList<int>> { ["active"] = [3, 9] },
                    new Dictionary<string, IReadOnlyList<int>> { ["active"] = [1, 4] },
                ],
                RolloutEvaluations = new(16, 32),
                RenoiseEvaluations = default,
                Pullbacks = new(4, 8),
            },
        };
}
