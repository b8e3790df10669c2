// Several processes that train one model, as torchrun or this program itself starts them.

using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using FlowBP.Formats;

namespace FlowBP.Cli.Tests;

/// <summary>Ranks train what one process trains; one that is lost is named by the others, and the relaunch ends where a straight run ends.</summary>
public sealed class RankedRunTests
{
    private const int Steps = 8;
    private const double Tolerance = 1e-5;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);

    private TemporaryFolder folder = null!;
    private readonly List<Process> started = [];

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void EndProcesses()
    {
        foreach (var process in started)
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
            process.Dispose();
        }
        started.Clear();
        folder.Dispose();
    }

    [Test]
    public void Ranks_that_the_program_starts_itself_train_what_one_process_trains()
    {
        AssertEnds(Align("alone", []), 0);
        AssertEnds(Align("together", ["--gpus", "2", "--sharding", "optimizer"]), 0);
        AssertSameRun("alone", "together");
    }

    [TestCase("KILL", "rank 2 is gone: its process has ended")]
    [TestCase("STOP", "rank 2 has given no sign of life for 3 s: its process is stopped, or its node gone")]
    public void A_rank_that_is_lost_is_named_by_all_others_and_the_relaunch_ends_with_the_straight_runs_weights(
        string signal,
        string expected
    )
    {
        AssertEnds(Align("straight", []), 0);

        var ranks = Ranks(4, "--timeout", "3");
        WaitFor(() => StepsOf("run") >= 4, ranks[0]);
        using (var kill = Process.Start("kill", [$"-{signal}", $"{ranks[2].Process.Id}"]))
        {
            kill.WaitForExit();
        }
        foreach (var rank in new[] { 0, 1, 3 })
        {
            AssertEnds(ranks[rank], 1);
            Assert.That(ranks[rank].Error.Result, Does.Contain(expected), $"rank {rank}");
        }
        ranks[2].Process.Kill();
        Assert.That(ranks[0].Error.Result, Does.Contain("(the weights after"), "nothing that was trained is lost");

        // As many again, or fewer: the checkpoint is the whole of the state.
        foreach (var rank in Ranks(signal == "KILL" ? 4 : 2, "--resume_from_checkpoint", "latest"))
        {
            AssertEnds(rank, 0);
        }
        AssertSameRun("straight", "run");
    }

    [Test]
    public void A_rank_with_other_settings_is_named_and_nothing_begins()
    {
        var port = RankThreads.FreePort();
        var first = Start("run", [], Environment(0, 2, port));
        var second = Start("run", ["--learning_rate", "1e-5"], Environment(1, 2, port));
        AssertEnds(first, 1);
        AssertEnds(second, 1);
        Assert.That(
            first.Error.Result,
            Does.Contain("has other settings than rank 0: learning_rate is 1E-05 and 0.0003")
        );
        Assert.That(second.Error.Result, Does.Not.Contain("flowbp:"), "rank 0 has said it");
        Assert.That(Directory.Exists(folder.Of("run")), Is.False);
    }

    [Test]
    public void Half_an_environment_is_named()
    {
        var rank = Start("run", [], new() { ["RANK"] = "0", ["WORLD_SIZE"] = "2" });
        AssertEnds(rank, 1);
        Assert.That(rank.Error.Result, Does.Contain("the environment is half that of torchrun"));
    }

    private sealed record Started(Process Process, Task<string> Error);

    private Started[] Ranks(int size, params string[] options)
    {
        var port = RankThreads.FreePort();
        return
        [
            .. Enumerable
                .Range(0, size)
                .Select(rank => Start("run", ["--sharding", "optimizer", .. options], Environment(rank, size, port))),
        ];
    }

    private static Dictionary<string, string> Environment(int rank, int size, int port) =>
        new()
        {
            ["RANK"] = Text(rank),
            ["LOCAL_RANK"] = Text(rank),
            ["WORLD_SIZE"] = Text(size),
            ["MASTER_ADDR"] = "127.0.0.1",
            ["MASTER_PORT"] = Text(port),
            ["FLOWBP_JOB_SECRET"] = "secret",
        };

    private Started Align(string run, string[] options) => Start(run, options, []);

    private Started Start(string run, string[] options, Dictionary<string, string> environment)
    {
        var start = ProgramStart.Of([
            "align",
            .. "--method flowbp-sparse --num_active_steps 1 --rollout_steps 2 --sampling_steps 1".Split(' '),
            .. "--train_batch_size 4 --eval_prompts_limit 1 --eval_images_per_prompt 1".Split(' '),
            .. "--latent_dtype float32 --adam_epsilon 1e-3 --checkpointing_steps 3 --checkpoints_total_limit 2".Split(
                ' '
            ),
            .. "--device cpu --cpu_workers 1 --max_train_steps".Split(' '),
            Text(Steps),
            "--output_dir",
            folder.Of(run),
            .. options,
        ]);
        start.Environment["OMP_NUM_THREADS"] = "1";
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }
        var process = Process.Start(start)!;
        started.Add(process);
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        return new(process, process.StandardError.ReadToEndAsync());
    }

    private static void AssertEnds(Started process, int code)
    {
        Assert.That(process.Process.WaitForExit(s_limit), "it hangs");
        Assert.That(process.Process.ExitCode, Is.EqualTo(code), process.Error.Result);
    }

    private static void WaitFor(Func<bool> condition, Started process)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            if (process.Process.HasExited || clock.Elapsed > s_limit)
            {
                Assert.Fail($"it did not come so far: {process.Error.Result}");
            }
            Thread.Sleep(20);
        }
    }

    private int StepsOf(string run) => Metrics(run).Length;

    private string[] Metrics(string run)
    {
        var file = folder.Of(run, "metrics.jsonl");
        if (!File.Exists(file))
        {
            return [];
        }
        using var reader = new StreamReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        var text = reader.ReadToEnd();
        return text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private void AssertSameRun(string one, string other)
    {
        var (expected, found) = (Losses(one), Losses(other));
        Assert.That(found, Has.Length.EqualTo(Steps));
        Assert.That(found, Is.EqualTo(expected).Within(Tolerance));
        using var scope = torch.NewDisposeScope();
        using var first = SafetensorsFile.Open(Weights(one));
        using var second = SafetensorsFile.Open(Weights(other));
        foreach (var name in first.Tensors.Keys)
        {
            var difference = (first.Load(name) - second.Load(name)).abs().max().item<float>();
            Assert.That(difference, Is.LessThan(Tolerance), name);
        }
    }

    private double[] Losses(string run) =>
        [.. Metrics(run).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("loss").GetDouble())];

    private string Weights(string run) => folder.Of(run, "model", "transformer", "diffusion_pytorch_model.safetensors");

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
