// Launches on file, for the sanitizers' programs to repeat (tests/emulation/play.cpp says what the file looks like). Buffers are
// found by looking for pointers among the parameters.

using System.Runtime.InteropServices;
using System.Text;

namespace FlowBP.Kernels.Cuda.Tests;

internal sealed unsafe class LaunchRecord : IDisposable
{
    private readonly BinaryWriter _writer;

    public LaunchRecord()
    {
        File = Path.Combine(Path.GetTempPath(), $"flowbp-launches-{Guid.NewGuid():N}");
        _writer = new(System.IO.File.Create(File));
    }

    public string File { get; }

    public int Launches { get; private set; }

    /// <summary>Names of the kernels that were launched.</summary>
    public HashSet<string> Kernels { get; } = [];

    public void Add(string kernel, Dim3 grid, Dim3 block, byte[][] parameters, SortedList<nint, long> allocations)
    {
        Launches++;
        Kernels.Add(kernel);
        var name = Encoding.UTF8.GetBytes(kernel);
        _writer.Write(name.Length);
        _writer.Write(name);
        foreach (var size in new[] { grid.X, grid.Y, grid.Z, block.X, block.Y, block.Z })
        {
            _writer.Write(size);
        }
        _writer.Write(parameters.Length);
        foreach (var parameter in parameters)
        {
            _writer.Write(parameter.Length);
            _writer.Write(parameter);
        }
        var words = parameters.SelectMany(bytes =>
            MemoryMarshal.Cast<byte, long>(bytes.AsSpan(..^(bytes.Length % 8))).ToArray()
        );
        var pointed = words.ToHashSet();
        var buffers = allocations
            .Where(allocation =>
                pointed.Any(word => word >= allocation.Key && word < allocation.Key + allocation.Value)
            )
            .ToList();
        _writer.Write(buffers.Count);
        foreach (var (pointer, bytes) in buffers)
        {
            _writer.Write((long)pointer);
            _writer.Write(bytes);
            _writer.Write(new ReadOnlySpan<byte>((void*)pointer, (int)bytes));
        }
    }

    /// <summary>Repeats the launches in a program of their own.</summary>
    /// <returns>Its exit code, 0 if there was nothing to complain about, and what it wrote.</returns>
    public (int ExitCode, string Output) Play(Sanitizer sanitizer, string schedule)
    {
        _writer.Flush();
        var program = EmulationBuild.Require(sanitizer);
        (string, string)[] environment =
        [
            ("ASAN_OPTIONS", "detect_leaks=0"),
            ("UBSAN_OPTIONS", "print_stacktrace=1"),
            ("TSAN_OPTIONS", "halt_on_error=1"),
        ];
        var result = EmulationBuild.Run(program, [File, schedule], Path.GetTempPath(), environment);
        if (result.Output.Contains("unexpected memory mapping"))
        {
            // Newer kernels spread mappings further than older sanitizers expect.
            string[] arguments = ["-R", program, File, schedule];
            result = EmulationBuild.Run("setarch", arguments, Path.GetTempPath(), environment);
            if (result.Output.Contains("unexpected memory mapping") || result.Output.Contains("setarch:"))
            {
                Assert.Ignore($"the thread sanitizer doesn't run on this kernel: {result.Output}");
            }
        }
        return result;
    }

    public void Dispose()
    {
        _writer.Dispose();
        System.IO.File.Delete(File);
    }
}
