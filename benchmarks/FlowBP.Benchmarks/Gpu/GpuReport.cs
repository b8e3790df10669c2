// `--gpu`: the CUDA kernels on this machine's GPU. First each kernel is checked (the bits of the scalar reference, a hundred
// repeats, libtorch's result within its roundings), then it is timed against the operations of libtorch that it replaces and
// against copying memory, in one process.

using System.Globalization;
using System.Text;
using FlowBP.Cuda;
using FlowBP.Kernels.Cuda;

namespace FlowBP.Benchmarks.Gpu;

internal static class GpuReport
{
    private const int WrongUsage = 2;
    private const long CopiedBytes = 1L << 30;
    private const int Repeats = 100;

    /// <summary>Runs the benchmarks.</summary>
    /// <param name="args">[--check] [--output FILE] [NAME…]; --check: nothing is timed, and sizes suit a sanitizer.</param>
    /// <returns>0; 1 without a GPU or where a check failed; 2 wrong usage.</returns>
    internal static int Run(string[] args)
    {
        string? output = null;
        var checkOnly = false;
        List<string> names = [];
        for (var i = 0; i < args.Length; i++)
        {
            if (args[i] == "--output" && i + 1 < args.Length)
            {
                output = args[++i];
            }
            else if (args[i] == "--check")
            {
                checkOnly = true;
            }
            else if (GpuCases.All.ContainsKey(args[i]))
            {
                names.Add(args[i]);
            }
            else
            {
                Console.Error.WriteLine(
                    $"unknown benchmark '{args[i]}': expected --check, --output FILE or any of {string.Join(", ", GpuCases.All.Keys)}"
                );
                return WrongUsage;
            }
        }
        if (Obstacle(out var driver, out var nvrtc) is { } obstacle)
        {
            Console.Error.WriteLine($"nothing is measured: {obstacle}");
            return 1;
        }
        using (driver)
        {
            return Run(driver!, nvrtc!, names.Count == 0 ? GpuCases.All.Keys : names, output, checkOnly);
        }
    }

    private static string? Obstacle(out CudaDriver? driver, out NvrtcLibrary? nvrtc)
    {
        driver = null;
        if (!NvrtcLibrary.TryFind(out nvrtc, out var missing))
        {
            // Where there is no GPU either, that is what to say.
            return CudaDriver.TryOpen(out driver, out var absent)
                ? $"NVRTC is not found: {missing}"
                : $"no GPU: {absent.Message}";
        }
        if (!CudaDriver.TryOpen(out driver, out var unavailable, toolkit: nvrtc.Version))
        {
            return $"no GPU: {unavailable.Message}";
        }
        return torch.cuda.is_available() ? null : "this libtorch can't use the GPU (is it built with CUDA?)";
    }

    private static int Run(
        CudaDriver driver,
        NvrtcLibrary nvrtc,
        IEnumerable<string> names,
        string? output,
        bool checkOnly
    )
    {
        // libtorch sets up its part of the context with its first tensor.
        using var first = torch.zeros([1], device: torch.CUDA);
        var stream = CudaStream.Current(driver.Ordinal);
        using var library = new KernelLibrary(
            driver,
            EmbeddedKernels.Sources,
            new KernelCompiler(nvrtc),
            CompiledKernelCache.OfThisUser()
        );
        var find = EmbeddedKernels.In(library);
        var launch = new LaunchStream(stream);
        using var latents = new CudaLatentKernels(driver, find, () => launch.Current);
        var rollout = new CudaRolloutKernels(driver, find, () => launch.Current);
        var kernels = new KernelSet(latents, rollout, torch.CUDA);

        var device = driver.Device(driver.Ordinal);
        var report = new StringBuilder();
        report.AppendLine(Machine.Describe());
        report.AppendLine(
            Invariant($"* device: {device.Name}, {device.Architecture}, {device.MultiprocessorCount} multiprocessors, ")
                + Invariant($"second-level cache {device.L2Bytes >> 20} MiB, {device.MemoryBytes >> 30} GiB")
        );
        report.AppendLine(
            $"* driver: {DriverVersion()}, CUDA {driver.Version}; NVRTC {nvrtc.Version}, for {library.Target}"
        );
        report.AppendLine();
        report.AppendLine(
            "Small sizes start on an idle device, so launching counts; large ones are queued ahead. The cache is cold."
        );
        Console.Write(report);

        var failures = 0;
        using var copy = new Copy();
        using var timer = new GpuTimer(driver, stream);
        var captured = DriverTiming.CreateStream(driver);
        foreach (var name in names)
        {
            var section = new StringBuilder();
            section.AppendLine().AppendLine($"### {name}").AppendLine();
            failures += checkOnly
                ? Check(GpuCases.All[name], kernels, section, CaseSize.Tiny, repeats: 2)
                : Check(GpuCases.All[name], kernels, section);
            foreach (var size in checkOnly ? [] : (CaseSize[])[CaseSize.Small, CaseSize.Large])
            {
                using var measured = GpuCases.All[name](kernels, size);
                Measure(measured, size, copy, timer, driver, stream, captured, launch, section);
            }
            Console.Write(section);
            report.Append(section);
        }
        DriverTiming.DestroyStream(captured);
        if (output is not null)
        {
            File.WriteAllText(output, report.ToString());
        }
        return failures == 0 ? 0 : 1;
    }

    /// <summary>Checks a kernel on one set against the reference and against libtorch.</summary>
    /// <returns>Number of checks that failed.</returns>
    internal static int Check(
        Func<KernelSet, CaseSize, GpuCase> make,
        KernelSet kernels,
        StringBuilder report,
        CaseSize size = CaseSize.Small,
        int repeats = Repeats
    )
    {
        using var tested = make(kernels, size);
        using var reference = make(KernelSet.Reference, size);
        var bytes = tested.FusedBytes();
        var isReference = bytes.AsSpan().SequenceEqual(reference.FusedBytes());
        var repeated = 0;
        while (repeated < repeats && tested.FusedBytes().AsSpan().SequenceEqual(bytes))
        {
            repeated++;
        }
        var distance = tested.Distance();
        var isClose = distance <= tested.Tolerance;
        report.AppendLine($"* bits of the scalar reference: {(isReference ? "yes" : "NO")}");
        report.AppendLine($"* {repeated} of {repeats} repeats bit-identical{(repeated == repeats ? "" : ": FAILED")}");
        report.AppendLine(
            Invariant($"* farthest from libtorch: {distance:0.0e+0} of the largest element")
                + (isClose ? "" : Invariant($", MORE than {tested.Tolerance}"))
        );
        report.AppendLine();
        return (isReference ? 0 : 1) + (repeated == repeats ? 0 : 1) + (isClose ? 0 : 1);
    }

    private static void Measure(
        GpuCase measured,
        CaseSize size,
        Copy copy,
        GpuTimer timer,
        CudaDriver driver,
        nint stream,
        nint captured,
        LaunchStream launch,
        StringBuilder report
    )
    {
        List<(string Name, double Bytes, Action Action)> variants =
        [
            ("fused", measured.Bytes, measured.Fused),
            ("libtorch eager", measured.Bytes, measured.Eager),
            ("copy", 2.0 * CopiedBytes, copy.Run),
        ];
        nint graph = 0;
        if (size == CaseSize.Small && measured.CanBeCaptured)
        {
            // The default stream can't be captured.
            launch.Current = captured;
            try
            {
                graph = DriverTiming.CaptureGraph(captured, measured.Fused);
            }
            finally
            {
                launch.Current = stream;
            }
            variants.Add(("fused, in a graph", measured.Bytes, () => DriverTiming.LaunchGraph(graph, stream)));
        }
        var times = timer.Measure([.. variants.Select(variant => variant.Action)], size == CaseSize.Small);
        if (graph != 0)
        {
            driver.Synchronize(stream);
            DriverTiming.DestroyGraph(graph);
        }

        double Median(int i) => times[i][times[i].Length / 2];
        double Rate(int i) => variants[i].Bytes / (Median(i) * 1e6);
        report.AppendLine($"{measured.Shape}, {measured.Bytes / 1e6:0} MB");
        report.AppendLine();
        report.AppendLine("| variant | median µs | fastest µs | GB/s | % of the copy | times as fast as eager |");
        report.AppendLine("|---|---:|---:|---:|---:|---:|");
        for (var i = 0; i < variants.Count; i++)
        {
            var speed = variants[i].Name == "copy" ? "" : Invariant($"{Median(1) / Median(i):0.00}");
            report.AppendLine(
                Invariant($"| {variants[i].Name} | {Median(i) * 1e3:0.0} | {times[i][0] * 1e3:0.0} | {Rate(i):0} ")
                    + Invariant($"| {100 * Rate(i) / Rate(2):0} | {speed} |")
            );
        }
        report.AppendLine();
    }

    // The driver's release; the interface's version is another number.
    private static string DriverVersion()
    {
        const string file = "/proc/driver/nvidia/version";
        return File.Exists(file) ? File.ReadLines(file).First().Trim() : "unknown release";
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>A copy from device memory to device memory, the measure of all bandwidths.</summary>
    private sealed class Copy : IDisposable
    {
        private readonly Tensor _source = torch.zeros([CopiedBytes], ScalarType.Byte, torch.CUDA);
        private readonly Tensor _target = torch.zeros([CopiedBytes], ScalarType.Byte, torch.CUDA);

        internal void Run() => _target.copy_(_source);

        public void Dispose()
        {
            _source.Dispose();
            _target.Dispose();
        }
    }

    // The stream that kernels are launched on at the moment: libtorch's, or the one that is being captured.
    private sealed class LaunchStream(nint current)
    {
        public nint Current { get; set; } = current;
    }
}
