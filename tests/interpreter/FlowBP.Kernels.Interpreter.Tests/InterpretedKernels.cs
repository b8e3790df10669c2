// The kernels as NVRTC compiles them, run by the interpreter of PTX behind the driver's interface: what the compiler emitted
// computes the bits of the scalar reference, and no access of it is out of bounds, misaligned, unordered or of memory that
// nothing wrote.

using FlowBP.Cuda.Interpreter;
using FlowBP.Cuda.Tests;

namespace FlowBP.Kernels.Cuda.Tests;

internal static class InterpretedKernels
{
    private static readonly Lock Compiling = new();
    private static readonly Dictionary<string, ReadOnlyMemory<byte>> Compiled = [];

    /// <summary>A target whose blocks and warps run in the order of their numbers, or in one drawn by a seed.</summary>
    /// <param name="scheduleSeed">The seed; null for the order of numbers.</param>
    /// <param name="mistakes">Parts of the kernels' texts to be replaced: mistakes that must be found.</param>
    public static CudaTarget Target(int? scheduleSeed, params (string Right, string Wrong)[] mistakes)
    {
        _ = Requirement.Compiler();
        var driver = new PtxInterpreter { ScheduleSeed = scheduleSeed };
        var modules = new Dictionary<string, nint>();
        return new(driver, KernelOf);

        Kernel KernelOf(string kernel)
        {
            var file = CudaKernelNames.ByFile.Single(entry => entry.Value.Contains(kernel)).Key;
            if (!modules.TryGetValue(file, out var module))
            {
                var ptx = mistakes.Length == 0 ? Ptx(file) : Compile(file, mistakes);
                modules.Add(file, module = driver.LoadModule(ptx.Span, $"{file}.cu"));
            }
            return new(driver, module, kernel);
        }
    }

    private static ReadOnlyMemory<byte> Ptx(string file)
    {
        lock (Compiling)
        {
            if (!Compiled.TryGetValue(file, out var ptx))
            {
                Compiled.Add(file, ptx = Compile(file, []));
            }
            return ptx;
        }
    }

    /// <summary>A file of kernels/ for sm_80, with line numbers.</summary>
    private static ReadOnlyMemory<byte> Compile(string file, (string Right, string Wrong)[] mistakes)
    {
        var texts = Directory
            .GetFiles(Path.Combine(EmulationBuild.Repository, "kernels"), "*.cu*")
            .ToDictionary(path => Path.GetFileName(path), File.ReadAllText);
        foreach (var (right, wrong) in mistakes)
        {
            var changed = texts.Where(text => text.Value.Contains(right, StringComparison.Ordinal)).ToList();
            Assert.That(changed, Is.Not.Empty, $"no kernel has {right}");
            foreach (var (name, text) in changed)
            {
                texts[name] = text.Replace(right, wrong, StringComparison.Ordinal);
            }
        }
        var target = new KernelTarget(new ComputeCapability(8, 0), KernelCodeKind.Ptx);
        var source = new KernelSources(texts).Source($"{file}.cu");
        return Requirement.Compiler().Compile(source, target, "--generate-line-info").Image;
    }
}
