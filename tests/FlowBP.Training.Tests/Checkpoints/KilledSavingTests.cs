using System.Diagnostics;
using System.Runtime.InteropServices;
using FlowBP.Tests.Misfits;
using FlowBP.Training.Checkpoints;

namespace FlowBP.Training.Tests.Checkpoints;

/// <summary>A process that is killed at any moment of saving leaves the old checkpoint or the new one, whole.</summary>
public sealed class KilledSavingTests
{
    private const string Program = "FlowBP.Training.Misfits.dll";
    private const int Kills = 40;
    private const int MostSaved = 4;
    private const int LongestMilliseconds = 15;

    private TemporaryFolder folder = null!;

    [SetUp]
    public void CreateFolder() => folder = new();

    [TearDown]
    public void DeleteFolder() => folder.Dispose();

    [Test]
    public void The_old_checkpoint_or_the_new_one_is_there_and_never_a_mixture()
    {
        var program = Path.Combine(AppContext.BaseDirectory, Program);
        if (!File.Exists(program))
        {
            Assert.Ignore($"no {Program} here: a bundle has none");
        }
        var folders = new CheckpointFolders(folder.Path);
        var random = new Random(7);
        var before = 0;
        var leftovers = 0;
        for (var i = 0; i < Kills; i++)
        {
            KillAfter(program, 1 + random.Next(MostSaved), random.NextDouble() * LongestMilliseconds);
            leftovers += Directory.EnumerateDirectories(folder.Path).Count(CheckpointStaging.IsLeftover);
            var steps = folders.Steps();
            Assert.That(steps, Is.Not.Empty, $"kill {i}");
            Assert.That(steps, Has.Count.LessThanOrEqualTo(KilledSaving.Limit + 1), $"kill {i}");
            Assert.That(steps[^1], Is.GreaterThanOrEqualTo(before), $"kill {i}: nothing that stood is lost");
            foreach (var step in steps)
            {
                // Whole, or an exception.
                using var stored = StoredCheckpoint.Open(folders.Of(step));
                using var shards = StateShards.Open(stored.Folder, stored.Manifest);
                foreach (var name in shards.Names)
                {
                    using var values = shards.Load(name);
                    var numbers = TensorValues.Numbers(values);
                    Assert.That((numbers.Min(), numbers.Max()), Is.EqualTo(((double)step, (double)step)), $"kill {i}");
                }
            }
            before = steps[^1];
        }
        // Or the kills have met no moment of saving.
        Assert.That(leftovers, Is.GreaterThan(0));
        Assert.That(before, Is.GreaterThan(1));
    }

    private void KillAfter(string program, int saved, double milliseconds)
    {
        var dotnet = Path.GetFullPath(
            Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet")
        );
        var start = new ProcessStartInfo(dotnet, [program, "save", folder.Path]) { RedirectStandardOutput = true };
        start.Environment.Remove("DOTNET_STARTUP_HOOKS");
        using var process = Process.Start(start)!;
        for (var i = 0; i < saved; i++)
        {
            Assert.That(process.StandardOutput.ReadLine(), Is.Not.Null);
        }
        Thread.Sleep(TimeSpan.FromMilliseconds(milliseconds));
        // SIGKILL.
        process.Kill();
        process.WaitForExit();
    }
}
