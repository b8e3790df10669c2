// What a checkpoint's loading costs beside reading its files: two gigabytes in four shards, made here and removed after. One
// yardstick reads every byte into a small buffer, over and over the same, which never leaves the processor's caches; another into
// as much memory as the parameters take. Files are in the page cache for all variants of the first table (they take turns, and
// the first rounds warm it); in the second, the system is asked to forget them before each run, and everybody waits for the disk.

using System.Runtime.InteropServices;
using FlowBP.Formats;
using Microsoft.Win32.SafeHandles;

namespace FlowBP.Benchmarks;

internal sealed partial class LoadingBenchmarks : IDisposable
{
    private const int Layers = 8;
    private const int Width = 11_600; // 256 MB a layer in bfloat16
    private const long ShardBytes = 600_000_000;
    private const double TotalBytes = 2.0 * Layers * Width * Width;
    private const int BufferBytes = 8 << 20;
    private const int DontNeed = 4;

    internal const string Title = "loading a checkpoint from the page cache: 2 GB of bfloat16 in four shards";
    internal const string ColdTitle = "the same from the disk";

    private readonly string folder = Directory.CreateTempSubdirectory("flowbp-loading-").FullName;
    private readonly Stack narrow = new(ScalarType.BFloat16);
    private readonly Stack wide = new(ScalarType.Float32);
    private readonly Tensor[] plain;
    private readonly byte[] buffer = GC.AllocateArray<byte>(BufferBytes, pinned: true);

    internal LoadingBenchmarks()
    {
        plain = [.. Enumerable.Range(0, Layers).Select(_ => torch.zeros(Width, Width, dtype: ScalarType.BFloat16))];
        using (torch.no_grad())
        {
            foreach (var (parameter, i) in narrow.parameters().Select((p, i) => (p, i)))
            {
                parameter.fill_(i + 1);
            }
            foreach (var parameter in wide.parameters())
            {
                parameter.fill_(-1);
            }
        }
        Checkpoint.Save(narrow, Path.Combine(folder, "model.safetensors"), maxShardBytes: ShardBytes);
    }

    internal Variant[] Variants() =>
        [
            new("reading the files into one buffer", TotalBytes, Read),
            new("reading the files into memory of their size", TotalBytes, ReadWhole),
            new("loading into bfloat16 parameters", TotalBytes, () => Checkpoint.LoadInto(narrow, folder)),
            new("loading into float32 parameters", TotalBytes, () => Checkpoint.LoadInto(wide, folder)),
        ];

    internal Variant[] ColdVariants() => [.. Variants().Select(variant => variant with { Before = Forget })];

    public void Dispose()
    {
        foreach (var tensor in plain)
        {
            tensor.Dispose();
        }
        narrow.Dispose();
        wide.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private void Read()
    {
        foreach (var file in Files())
        {
            using var handle = File.OpenHandle(file, options: FileOptions.SequentialScan);
            var offset = 0L;
            for (int read; (read = RandomAccess.Read(handle, buffer, offset)) > 0; offset += read) { }
        }
    }

    // The shards have two layers each, and these have the memory.
    private void ReadWhole()
    {
        var layer = 0;
        foreach (var file in Files())
        {
            using var handle = File.OpenHandle(file, options: FileOptions.SequentialScan);
            var offset = 0L;
            for (var i = 0; i < 2; i++, layer++)
            {
                var memory = plain[layer].bytes;
                for (var filled = 0; filled < memory.Length; )
                {
                    var read = RandomAccess.Read(
                        handle,
                        memory.Slice(filled, Math.Min(BufferBytes, memory.Length - filled)),
                        offset
                    );
                    filled += read;
                    offset += read;
                }
            }
        }
    }

    private void Forget()
    {
        foreach (var file in Files())
        {
            using var handle = File.OpenHandle(file);
            _ = Advise(handle, 0, 0, DontNeed);
        }
    }

    private IEnumerable<string> Files() => Directory.EnumerateFiles(folder, "*.safetensors");

    // posix_fadvise takes clean pages out of the page cache, and ours were flushed when they were written.
    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Advise(SafeFileHandle file, long offset, long length, int advice);

    private sealed class Stack : nn.Module
    {
        internal Stack(ScalarType type)
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
