// The real NVRTC. It needs neither a GPU nor a driver.

using System.Text;

namespace FlowBP.Cuda.Tests;

public class KernelCompilerTests
{
    private static readonly ComputeCapability[] s_architectures = [new(8, 0), new(9, 0), new(10, 0)];

    private KernelCompiler compiler = null!;

    [OneTimeSetUp]
    public void Find() => compiler = Requirement.Compiler();

    [TestCaseSource(nameof(s_architectures))]
    public void Compiles_to_machine_code_without_a_word(ComputeCapability architecture)
    {
        RequireArchitecture(architecture);

        var code = compiler.Compile(TestKernels.Axpy, new(architecture, KernelCodeKind.Cubin));

        Assert.That(code.Kind, Is.EqualTo(KernelCodeKind.Cubin));
        Assert.That(code.Log, Is.Empty);
        var image = code.Image.Span;
        Assert.That(image[..4].ToArray(), Is.EqualTo("\u007FELF"u8.ToArray()));
        Assert.That(Encoding.Latin1.GetString(image), Does.Contain(".text.axpy"));
    }

    [TestCaseSource(nameof(s_architectures))]
    public void Compiles_to_ptx_without_its_terminating_zero(ComputeCapability architecture)
    {
        RequireArchitecture(architecture);

        var code = compiler.Compile(TestKernels.Axpy, new(architecture, KernelCodeKind.Ptx));

        var text = Encoding.UTF8.GetString(code.Image.Span);
        Assert.That(text, Does.Contain($".target {architecture}").And.Contain(".entry axpy("));
        Assert.That(text, Does.Not.Contain("\0"));
    }

    [Test]
    public void Multiplications_and_additions_are_fused_only_where_the_source_says_so()
    {
        const string text = """
            extern "C" __global__ void plain(float* x, float a, float b) { *x = a * b + *x; }
            extern "C" __global__ void fused(float* x, float a, float b) { *x = fmaf(a, b, *x); }
            """;

        var ptx = Ptx(new("fusing.cu", text));

        var plain = ptx[
            ptx.IndexOf(".entry plain", StringComparison.Ordinal)..ptx.IndexOf(".entry fused", StringComparison.Ordinal)
        ];
        var fused = ptx[ptx.IndexOf(".entry fused", StringComparison.Ordinal)..];
        Assert.That(plain, Does.Contain("mul.rn.f32").And.Contain("add.rn.f32").And.Not.Contain("fma"));
        Assert.That(fused, Does.Contain("fma.rn.f32"));
    }

    [Test]
    public void An_error_names_the_source_and_shows_the_line()
    {
        var broken = new KernelSource(
            "broken.cu",
            "extern \"C\" __global__ void f(float* x)\n{\n    *x = velocity;\n}\n"
        );

        var thrown = Assert.Throws<KernelCompilationException>(() => compiler.Compile(broken, Cheapest()))!;

        Assert.That(thrown.SourceName, Is.EqualTo("broken.cu"));
        Assert.That(thrown.Log, Does.Contain("velocity"));
        Assert.That(
            thrown.Lines,
            Is.EqualTo([new KernelCompilationException.SourceLine("broken.cu", 3, "    *x = velocity;")])
        );
        Assert.That(
            thrown.Message,
            Does.StartWith("broken.cu does not compile for")
                .And.Contain(compiler.Library.Path)
                .And.Contain("NVRTC_ERROR_COMPILATION")
                .And.Contain("broken.cu:3 |     *x = velocity;")
        );
    }

    [Test]
    public void An_error_in_a_header_shows_the_headers_line()
    {
        var headers = new Dictionary<string, string> { ["broken.cuh"] = "\n__device__ float f() { return 1 +; }\n" };
        var source = new KernelSource("whole.cu", "#include \"broken.cuh\"\n", headers);

        var thrown = Assert.Throws<KernelCompilationException>(() => compiler.Compile(source, Cheapest()))!;

        Assert.That(thrown.Lines[0].File, Is.EqualTo("broken.cuh"));
        Assert.That(thrown.Message, Does.Contain("broken.cuh:2 | __device__ float f() { return 1 +; }"));
    }

    [Test]
    public void A_missing_header_is_an_error_of_the_line_that_includes_it()
    {
        var source = new KernelSource("lonely.cu", "#include \"absent.cuh\"\n");

        var thrown = Assert.Throws<KernelCompilationException>(() => compiler.Compile(source, Cheapest()))!;

        Assert.That(thrown.Lines[0].Number, Is.EqualTo(1));
        Assert.That(thrown.Message, Does.Contain("absent.cuh"));
    }

    [Test]
    public void A_warning_is_in_the_log_of_code_that_compiles()
    {
        var source = new KernelSource("wordy.cu", "extern \"C\" __global__ void f(float* x) { int unused; *x = 1; }");

        Assert.That(compiler.Compile(source, Cheapest()).Log, Does.Contain("wordy.cu(1)").And.Contain("unused"));
    }

    [Test]
    public void An_option_that_the_compiler_does_not_know_is_named()
    {
        Assert.That(
            () => compiler.Compile(TestKernels.Axpy, Cheapest(), "--no-such-option"),
            Throws.TypeOf<KernelCompilationException>().With.Message.Contains("--no-such-option")
        );
    }

    [Test]
    public void An_unknown_architecture_is_an_error_that_lists_the_known_ones()
    {
        Assert.That(
            () => compiler.Compile(TestKernels.Axpy, new(new(1, 0), KernelCodeKind.Cubin)),
            Throws
                .TypeOf<KernelCompilationException>()
                .With.Message.Contains("can't compile for sm_10")
                .And.Message.Contains(string.Join(", ", compiler.Library.SupportedArchitectures))
        );
    }

    [Test]
    public void Sources_compile_side_by_side()
    {
        var one = compiler.Compile(TestKernels.Axpy, Cheapest());

        var many = new KernelCode[4];
        Parallel.For(0, many.Length, i => many[i] = compiler.Compile(TestKernels.Axpy, Cheapest()));

        Assert.That(many.Select(code => code.Image.ToArray()), Has.All.EqualTo(one.Image.ToArray()));
    }

    private string Ptx(KernelSource source) => Encoding.UTF8.GetString(compiler.Compile(source, Cheapest()).Image.Span);

    // PTX spares the assembler's work.
    private KernelTarget Cheapest() =>
        new(compiler.Library.SupportedArchitectures.First(architecture => architecture.Major >= 7), KernelCodeKind.Ptx);

    private void RequireArchitecture(ComputeCapability architecture)
    {
        if (!compiler.Library.SupportedArchitectures.Contains(architecture))
        {
            Assert.Ignore($"{compiler.Library} can't compile for {architecture}: a newer NVRTC can (FLOWBP_NVRTC)");
        }
    }
}
