// The program as whoever manages jobs meets it: a process that gets a signal.

using System.Diagnostics;
using FlowBP.Training.Checkpoints;

namespace FlowBP.Cli.Tests;

/// <summary>Signals that ask a run to make way leave a checkpoint and an exit code, and the same command goes on.</summary>
public sealed class SuspendedRunTests
{
    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void A_signal_of_the_job_manager_suspends_a_run_that_the_same_command_goes_on_with()
    {
        var folders = new CheckpointFolders(folder.Of("run", "checkpoints"));
        var first = SignalledAfterAStep("USR1");
        Assert.That(first.Code, Is.EqualTo(75), first.Error);
        Assert.That(first.Error, Does.Contain("--resume_from_checkpoint latest goes on from"));
        var suspendedAt = folders.Steps().Single();
        Assert.That(Steps(), Is.EqualTo(suspendedAt));

        var second = SignalledAfterAStep("TERM");
        Assert.That(second.Code, Is.EqualTo(75), second.Error);
        Assert.That(second.Error, Does.Contain($"the run goes on after step {suspendedAt}"));
        // The first one was made for its signal alone.
        Assert.That(folders.Steps().Single(), Is.GreaterThan(suspendedAt));
        StoredCheckpoint.Open(folders.Of(Steps())).Dispose();
    }

    private (int Code, string Error) SignalledAfterAStep(string signal)
    {
        var before = Steps();
        using var process = Process.Start(Start())!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        while (Steps() <= before && !process.HasExited)
        {
            Thread.Sleep(20);
        }
        using (var kill = Process.Start("kill", [$"-{signal}", $"{process.Id}"]))
        {
            kill.WaitForExit();
        }
        process.WaitForExit();
        _ = output.Result;
        return (process.ExitCode, error.Result);
    }

    private int Steps()
    {
        var file = folder.Of("run", "metrics.jsonl");
        return File.Exists(file)
            ? new StreamReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite))
                .ReadToEnd()
                .Count(letter => letter == '\n')
            : 0;
    }

    private ProcessStartInfo Start()
    {
        var start = ProgramStart.Of([
            "align",
            .. "--method flowbp-sparse --num_active_steps 1 --rollout_steps 2 --sampling_steps 1 --lora_rank 2".Split(
                ' '
            ),
            .. "--train_batch_size 2 --max_train_steps 5000 --eval_prompts_limit 1 --eval_images_per_prompt 1".Split(
                ' '
            ),
            .. "--device cpu --cpu_workers 1 --resume_from_checkpoint latest --output_dir".Split(' '),
            folder.Of("run"),
        ]);
        return start;
    }
}
