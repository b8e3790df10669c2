// CUDA C++ to PTX, for tests that begin where NVRTC does.

using System.Text;

namespace FlowBP.Cuda.Interpreter.Tests;

internal static class CudaSource
{
    private static readonly KernelTarget Target = new(new ComputeCapability(8, 0), KernelCodeKind.Ptx);

    /// <summary>The PTX of a source, with line information; ignores the test, visibly, without NVRTC.</summary>
    public static string Compile(string text) => Compile(new KernelSource("test.cu", text));

    /// <summary>The kernels with a mistake.</summary>
    public static string PlantedFolder => Path.Combine(Repository, "tests", "planted");

    /// <summary>The PTX of tests/planted/NAME.cu, compiled with the kernels' headers, with parts of its text replaced.</summary>
    public static string CompilePlanted(string name, params (string Old, string New)[] corrections)
    {
        var headers = Directory
            .GetFiles(Path.Combine(Repository, "kernels"), "*.cuh")
            .ToDictionary(file => Path.GetFileName(file), File.ReadAllText);
        var text = File.ReadAllText(Path.Combine(PlantedFolder, $"{name}.cu"));
        foreach (var (old, replacement) in corrections)
        {
            Assert.That(text, Does.Contain(old), "what is to be corrected");
            text = text.Replace(old, replacement, StringComparison.Ordinal);
        }
        return Compile(new KernelSource($"{name}.cu", text, headers));
    }

    private static string Compile(KernelSource source)
    {
        var code = Requirement.Compiler().Compile(source, Target, "--generate-line-info");
        return Encoding.UTF8.GetString(code.Image.Span);
    }

    private static string Repository
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "FlowBP.sln")))
            {
                folder = folder.Parent;
            }
            if (folder is null)
            {
                Assert.Ignore($"the kernels' sources are not above {AppContext.BaseDirectory}");
            }
            return folder!.FullName;
        }
    }
}
