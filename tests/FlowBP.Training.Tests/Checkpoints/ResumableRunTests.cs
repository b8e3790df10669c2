// Runs of four steps on the embedded model, a second each, and what they leave.

using System.Text.Json.Nodes;
using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Tests.Checkpoints;

/// <summary>Short runs that can be gone on with.</summary>
public abstract class ResumableRunTests
{
    // What a machine and a clock have to say, and no run repeats.
    private static readonly string[] s_ofMachine =
    [
        "seconds",
        "images_per_second",
        "peak_memory_bytes",
        "live_tensors",
        "seconds_by_part",
    ];

    private protected TemporaryFolder Folder { get; private set; } = null!;

    [SetUp]
    public void CreateFolder()
    {
        Folder = new();
        Folder.Write(
            "choice.txt",
            "a photo of a red circle\na photo of a blue square\na photo of a green circle\na photo of a red square\n"
        );
    }

    [TearDown]
    public void DeleteFolder() => Folder.Dispose();

    private protected AlignmentConfig Config(string output, params (string Name, string Value)[] given) =>
        AlignmentConfig.Resolve(
            new (string Name, string Value)[]
            {
                ("method", "flowbp-sparse"),
                ("num_active_steps", "1"),
                ("rollout_steps", "2"),
                ("sampling_steps", "1"),
                ("train_batch_size", "2"),
                ("max_train_steps", "4"),
                ("learning_rate", "1e-2"),
                ("lr_warmup_steps", "0"),
                ("eval_prompts_limit", "1"),
                ("eval_images_per_prompt", "1"),
                ("evaluation_interval", "2"),
                ("sample_interval", "2"),
                ("checkpointing_steps", "1"),
                ("cpu_workers", "1"),
                ("device", "cpu"),
                ("select_prompts", Folder.Of("choice.txt")),
                ("select_images_per_prompt", "1"),
                ("output_dir", Folder.Of(output)),
            }
                .Where(usual => given.All(other => other.Name != usual.Name))
                .Concat(given)
                // Nothing: not even what is usual.
                .Where(pair => pair.Value.Length > 0)
                .Select(pair => KeyValuePair.Create(pair.Name, pair.Value))
        );

    private protected List<string> Run(AlignmentConfig config, Watcher? watcher = null)
    {
        watcher ??= new();
        new AlignmentRun(config, watcher).Execute(watcher.Stop.Token, watcher.Suspend.Token);
        return watcher.Notices;
    }

    private protected void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(Folder.Of(from), "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(Folder.Of(to), Path.GetRelativePath(Folder.Of(from), file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            // As another program reads: the manifest is locked for .NET.
            using var process = System.Diagnostics.Process.Start("cp", [file, target])!;
            process.WaitForExit();
        }
    }

    /// <summary>Everything that two runs must have in common, by name: bytes as text, records without the clock's figures.</summary>
    private protected Dictionary<string, string> Left(string run)
    {
        var root = Folder.Of(run);
        Dictionary<string, string> left = [];
        foreach (var file in Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(root, file);
            if (
                name is ".flowbp-run" or "config.yaml" or "summary.json"
                || name.EndsWith("manifest.json", StringComparison.Ordinal)
            )
            {
                continue;
            }
            left[name] =
                name == "metrics.jsonl"
                    ? string.Join('\n', File.ReadLines(file).Select(Numbers))
                    : Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file)));
        }
        return left;
    }

    private static string Numbers(string line)
    {
        var json = JsonNode.Parse(line)!.AsObject();
        foreach (var name in s_ofMachine)
        {
            json.Remove(name);
        }
        return json.ToJsonString();
    }

    private protected sealed class Watcher : IAlignmentObserver
    {
        public Action<int>? AtStep { get; init; }

        public Action<string>? AtStage { get; init; }

        public List<string> Notices { get; } = [];

        public TrainingCurve? Drawn { get; private set; }

        public CancellationTokenSource Stop { get; } = new();

        public CancellationTokenSource Suspend { get; } = new();

        // As the command line does on SIGTERM.
        public void Ask()
        {
            Suspend.Cancel();
            Stop.Cancel();
        }

        public void Stage(string name) => AtStage?.Invoke(name);

        public void Step(StepReport report, int steps) => AtStep?.Invoke(report.Step);

        public void Evaluated(string label, EvaluationResult result) { }

        public void Draw(string path, TrainingCurve curve) => Drawn = curve;

        public void Notice(string text) => Notices.Add(text);
    }
}
