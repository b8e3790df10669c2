// Everything about a machine that decides whether and how fast the program runs there, in the order in which one asks.

using System.Globalization;
using System.Runtime.InteropServices;
using FlowBP.Cli.Failures;

namespace FlowBP.Cli.Machine;

/// <summary>Examines this machine.</summary>
internal static class Checkup
{
    private const double Gibibyte = 1L << 30;
    private const double LeastFreeDisk = 1 * Gibibyte;
    private const string InstallBlas =
        "apt-get install libopenblas0-pthread makes matrix products about eight times faster";

    /// <summary>All findings.</summary>
    /// <param name="modelFolder">Where the embedded model should be; null where no place was found.</param>
    public static IEnumerable<Finding> Run(string? modelFolder)
    {
        yield return Good(".NET", $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}");
        yield return Good("system", RuntimeInformation.OSDescription);
        var processor = Processor.Current;
        yield return Good("CPU", $"{processor.Model}, {processor.Cores} cores, SIMD: {processor.Simd}");
        yield return Good(
            "memory",
            $"{Gigabytes(processor.MemoryBytes)} GiB"
                + (processor.AvailableBytes is { } free ? $", {Gigabytes(free)} GiB available" : "")
        );
        foreach (var finding in Libraries())
        {
            yield return finding;
        }
        var gpus = Gpus.Names();
        yield return Good(
            "GPU",
            gpus.Count == 0 ? "none; computes on the CPU" : $"{string.Join(", ", gpus)}; not used, computes on the CPU"
        );
        yield return Model(modelFolder);
        yield return Disk();
    }

    private static IEnumerable<Finding> Libraries()
    {
        Finding? broken = null;
        MatrixProduct product = default;
        try
        {
            Threads.UseAll();
            product = MatrixProduct.Measure();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The one check that can fail in many ways; its message is the finding.
            broken = new("native library", Verdict.Missing, FailureReport.Of(e).Line);
        }
        if (broken is not null)
        {
            yield return broken;
            yield break;
        }

        var loaded = LoadedLibraries.Now();
        yield return Good("native library", loaded.Find("libflowbp.so") ?? "loaded");
        var libtorch = Libtorch.Of(loaded);
        yield return Good("libtorch", $"{libtorch?.Version ?? "unknown version"}, {libtorch?.Path ?? "unknown place"}");
        var blas = loaded.Blas;
        yield return blas.IsReference
            ? new("BLAS", Verdict.Warning, $"the reference BLAS, {blas.Path}; {InstallBlas}")
            : Good("BLAS", $"{blas.Name}, {blas.Path}");
        yield return Good("threads", $"{torch.get_num_threads()} for operators, {Variable("OMP_NUM_THREADS")}");
        yield return Environment.GetEnvironmentVariable("OMP_WAIT_POLICY") is "passive" or "PASSIVE"
            ? Good("OpenMP", "OMP_WAIT_POLICY=passive")
            : new(
                "OpenMP",
                Verdict.Warning,
                "OMP_WAIT_POLICY is not passive: idle operator threads spin and take the cores from managed code"
            );
        yield return product.IsRight
            ? Good(
                "matrix product",
                $"{product.GigaflopsPerSecond.ToString("0", CultureInfo.InvariantCulture)} GFLOP/s in float32"
            )
            : new("matrix product", Verdict.Missing, "gives wrong numbers; try another BLAS or libtorch");
    }

    private static Finding Model(string? folder) =>
        folder is not null && File.Exists(Path.Combine(folder, "model_index.json"))
            ? Good("embedded model", folder)
            : new(
                "embedded model",
                Verdict.Missing,
                $"not found{(folder is null ? "" : $" at {folder}")}; restore assets/ from the repository, or make it"
                    + " with: ./flowbp pretrain --output_dir assets/shapes"
            );

    private static Finding Disk()
    {
        var here = new DriveInfo(Path.GetFullPath("."));
        var free = $"{Gigabytes(here.AvailableFreeSpace)} GiB free in {Path.GetFullPath(".")}";
        return here.AvailableFreeSpace >= LeastFreeDisk
            ? Good("disk", free)
            : new("disk", Verdict.Warning, $"{free}; runs write pictures and weights here");
    }

    private static Finding Good(string what, string found) => new(what, Verdict.Good, found);

    private static string Variable(string name) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? $"{name}={value}" : $"{name} not set";

    private static string Gigabytes(long bytes) => (bytes / Gibibyte).ToString("0.0", CultureInfo.InvariantCulture);
}
