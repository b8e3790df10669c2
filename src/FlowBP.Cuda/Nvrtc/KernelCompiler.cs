// From text to code the driver loads, with the options that make a kernel compute the same numbers everywhere: multiplication
// and addition are fused only where the source says so (fmaf), and nothing is approximated behind its back.

using System.Text;
using FlowBP.Cuda.Interop;

namespace FlowBP.Cuda;

/// <summary>Compiles kernels with NVRTC. Safe to use from several threads.</summary>
/// <param name="library">The NVRTC.</param>
public sealed unsafe class KernelCompiler(NvrtcLibrary library)
{
    /// <summary>The options that every kernel of this project is compiled with.</summary>
    public static IReadOnlyList<string> StandardOptions { get; } = ["--std=c++17", "--fmad=false"];

    /// <summary>The NVRTC that compiles.</summary>
    public NvrtcLibrary Library { get; } = library;

    /// <summary>The best target for a device: its machine code where NVRTC knows it, else PTX.</summary>
    /// <param name="device">The device's architecture.</param>
    /// <exception cref="KernelCompilationException">The device is older than everything that NVRTC compiles for.</exception>
    public KernelTarget TargetFor(ComputeCapability device) =>
        KernelTarget.For(device, Library.SupportedArchitectures, Library.ToString());

    /// <summary>Compiles a source.</summary>
    /// <param name="source">The source.</param>
    /// <param name="target">What to compile for.</param>
    /// <param name="options">Further options, after <see cref="StandardOptions"/>.</param>
    /// <returns>The code, with the compiler's log.</returns>
    /// <exception cref="KernelCompilationException">
    /// The source has errors (the message has the log and the lines), or NVRTC does not know the architecture (the message
    /// lists those it has).
    /// </exception>
    public KernelCode Compile(KernelSource source, KernelTarget target, params IReadOnlyList<string> options)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (!Library.SupportedArchitectures.Contains(target.Architecture))
        {
            throw KernelCompilationException.ForArchitecture(
                target.Architecture,
                Library.SupportedArchitectures,
                Library.ToString()
            );
        }
        var all = AllOptions(target, options);
        nint program = 0;
        NvrtcCall.Check(
            NvrtcMethods.nvrtcCreateProgram(
                &program,
                source.Text,
                source.Name,
                source.Headers.Count,
                [.. source.Headers.Values],
                [.. source.Headers.Keys]
            ),
            $"nvrtcCreateProgram of {source.Name}"
        );
        try
        {
            var result = NvrtcMethods.nvrtcCompileProgram(program, all.Length, all);
            var log = Log(program);
            if (result != NvrtcCall.Success)
            {
                var error = $"{NvrtcCall.Name(result)}, options {string.Join(' ', all)}";
                throw KernelCompilationException.ForSource(source, target.ToString(), Library.ToString(), error, log);
            }
            var image = target.Kind == KernelCodeKind.Cubin ? Cubin(program) : Ptx(program);
            return new(target.Kind, image, log);
        }
        finally
        {
            _ = NvrtcMethods.nvrtcDestroyProgram(&program);
        }
    }

    /// <summary>Everything that decides what <see cref="Compile"/> gives.</summary>
    internal KernelIdentity Identity(KernelSource source, KernelTarget target, IReadOnlyList<string> options) =>
        new(
            source,
            target,
            AllOptions(target, options),
            $"NVRTC {Library.Version} {KernelIdentity.OfFile(Library.Path)}",
            KernelIdentity.OfFile(Library.BuiltinsPath)
        );

    private static string[] AllOptions(KernelTarget target, IReadOnlyList<string> options) =>
        [target.Option, .. StandardOptions, .. options];

    private static string Log(nint program)
    {
        nuint size = 0;
        NvrtcCall.Check(
            NvrtcMethods.nvrtcGetProgramLogSize(program, &size),
            nameof(NvrtcMethods.nvrtcGetProgramLogSize)
        );
        var log = new byte[size];
        fixed (byte* bytes = log)
        {
            NvrtcCall.Check(NvrtcMethods.nvrtcGetProgramLog(program, bytes), nameof(NvrtcMethods.nvrtcGetProgramLog));
        }
        return Encoding.UTF8.GetString(WithoutZero(log).Span).Trim();
    }

    private static ReadOnlyMemory<byte> Ptx(nint program)
    {
        nuint size = 0;
        NvrtcCall.Check(NvrtcMethods.nvrtcGetPTXSize(program, &size), nameof(NvrtcMethods.nvrtcGetPTXSize));
        var ptx = new byte[size];
        fixed (byte* bytes = ptx)
        {
            NvrtcCall.Check(NvrtcMethods.nvrtcGetPTX(program, bytes), nameof(NvrtcMethods.nvrtcGetPTX));
        }
        return WithoutZero(ptx);
    }

    private static ReadOnlyMemory<byte> Cubin(nint program)
    {
        nuint size = 0;
        NvrtcCall.Check(NvrtcMethods.nvrtcGetCUBINSize(program, &size), nameof(NvrtcMethods.nvrtcGetCUBINSize));
        var cubin = new byte[size];
        fixed (byte* bytes = cubin)
        {
            NvrtcCall.Check(NvrtcMethods.nvrtcGetCUBIN(program, bytes), nameof(NvrtcMethods.nvrtcGetCUBIN));
        }
        return cubin;
    }

    // Texts come with C's terminating zero, which is counted in their size.
    private static ReadOnlyMemory<byte> WithoutZero(byte[] text)
    {
        var end = Array.IndexOf(text, (byte)0);
        return end < 0 ? text : text.AsMemory(0, end);
    }
}
