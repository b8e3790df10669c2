// What loading two gigabytes costs in memory. The checkpoint is made here and removed after; its file pages are the system's
// to keep or to drop, so what counts is the process's own memory: libtorch's allocator and the anonymous pages.

using System.Globalization;
using FlowBP.Formats;

namespace FlowBP.Models.Tests;

public sealed class LargeCheckpointTests
{
    private const int Layers = 8;
    private const int Width = 11_600; // 256 MB a layer in bfloat16
    private const long ShardBytes = 600_000_000;
    private const long TotalBytes = (long)Layers * Width * Width * 2;

    [TestCase(ScalarType.BFloat16)]
    [TestCase(ScalarType.Float32)]
    public void Loading_two_gigabytes_in_shards_adds_at_most_one_shard_to_memory(ScalarType destination)
    {
        using var folder = new TemporaryFolder();
        var free = new DriveInfo(folder.Path).AvailableFreeSpace;
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var model = TotalBytes * (destination == ScalarType.Float32 ? 2 : 1);
        if (free < 2 * TotalBytes || memory < model + 2 * TotalBytes)
        {
            Assert.Ignore(
                $"needs {2 * TotalBytes >> 20} MiB of disk and {model + 2 * TotalBytes >> 20} MiB of memory; "
                    + $"there are {free >> 20} and {memory >> 20}"
            );
        }
        Write(folder.Of("model.safetensors"));
        Assert.That(Directory.GetFiles(folder.Path, "*.safetensors"), Has.Length.EqualTo(4));

        using var loaded = new Stack(destination);
        Touch(loaded);
        CountedMemory.ResetPeak();
        var tensorsBefore = CountedMemory.CurrentBytes;
        var ownBefore = OwnBytes();
        long ownMost = 0;
        using (var watch = new Timer(_ => ownMost = Math.Max(ownMost, OwnBytes()), null, 0, 5))
        {
            Checkpoint.LoadInto(loaded, folder.Path);
        }
        var tensorsAdded = CountedMemory.PeakBytes - tensorsBefore;
        var ownAdded = Math.Max(ownMost, OwnBytes()) - ownBefore;
        TestContext.Out.WriteLine(
            $"{destination}: tensors +{tensorsAdded >> 20} MiB at the peak, anonymous pages +{ownAdded >> 20} MiB"
        );

        using (Assert.EnterMultipleScope())
        {
            Assert.That(tensorsAdded, Is.LessThanOrEqualTo(ShardBytes));
            Assert.That(ownAdded, Is.LessThanOrEqualTo(ShardBytes));
            for (var i = 0; i < Layers; i++)
            {
                using var weight = loaded.get_parameter($"layer{i}")!.detach();
                Assert.That(weight[0, 0].to_type(ScalarType.Float32).item<float>(), Is.EqualTo(i + 1));
                Assert.That(weight[-1, -1].to_type(ScalarType.Float32).item<float>(), Is.EqualTo(i + 1));
            }
        }
    }

    private static void Write(string file)
    {
        using var stack = new Stack(ScalarType.BFloat16);
        using var noGrad = torch.no_grad();
        for (var i = 0; i < Layers; i++)
        {
            stack.get_parameter($"layer{i}")!.fill_(i + 1);
        }
        Checkpoint.Save(stack, file, maxShardBytes: ShardBytes);
    }

    // Pages that were never written are not in memory yet, and would count as if loading had added them.
    private static void Touch(Stack stack)
    {
        using var noGrad = torch.no_grad();
        foreach (var parameter in stack.parameters())
        {
            parameter.fill_(-1);
        }
    }

    private static long OwnBytes()
    {
        const string Name = "RssAnon:";
        var line = File.ReadLines("/proc/self/status").First(l => l.StartsWith(Name, StringComparison.Ordinal));
        return long.Parse(line[Name.Length..].Replace("kB", ""), CultureInfo.InvariantCulture) << 10;
    }

    private sealed class Stack : nn.Module
    {
        public Stack(ScalarType type)
            : base(nameof(Stack))
        {
            for (var i = 0; i < Layers; i++)
            {
                using var zeros = torch.zeros(Width, Width, dtype: type);
                register_parameter($"layer{i}", nn.Parameter(zeros));
            }
        }
    }
}
