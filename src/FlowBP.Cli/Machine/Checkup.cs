// Everything about a machine that decides whether and how fast the program runs there, in the order in which one asks.

using System.Globalization;
using System.Runtime.InteropServices;
using FlowBP.Cli.Failures;
using FlowBP.Families;
using FlowBP.Formats;

namespace FlowBP.Cli.Machine;

/// <summary>Examines this machine.</summary>
internal static class Checkup
{
    private const double Gibibyte = 1L << 30;
    private const double LeastFreeDisk = 1 * Gibibyte;
    private const string RestoreModel =
        "restore assets/ from the repository, or make it with: ./flowbp pretrain --output_dir assets/shapes";

    private const string InstallBlas =
        "apt-get install libopenblas0-pthread makes matrix products about eight times faster";

    /// <summary>All findings.</summary>
    /// <param name="modelFolder">Finds the embedded model's folder; may throw <see cref="FileNotFoundException"/>.</param>
    public static IEnumerable<Finding> Run(Func<string> modelFolder)
    {
        yield return Good(".NET", $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}");
        yield return Good("system", RuntimeInformation.OSDescription);
        var processor = Processor.Current;
        yield return Good("CPU", $"{processor.Model}, cores: {processor.Cores}, SIMD: {processor.Simd}");
        yield return Good(
            "memory",
            $"{Gigabytes(processor.MemoryBytes)} GiB"
                + (processor.AvailableBytes is { } free ? $", {Gigabytes(free)} GiB available" : "")
        );
        var libraries = Libraries().ToArray();
        foreach (var finding in libraries)
        {
            yield return finding;
        }
        var gpus = Gpus.Names();
        yield return Good(
            "GPU",
            gpus.Count == 0 ? "none; computes on the CPU" : $"{string.Join(", ", gpus)}; not used, computes on the CPU"
        );
        // Nothing can be loaded without the library, and its absence has been said.
        if (libraries.All(finding => finding.Verdict != Verdict.Missing))
        {
            yield return Model(modelFolder);
        }
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

        yield return Good("tensors", Provider());
        if (TorchLibrary.Remedy is { } remedy)
        {
            yield return Good("loading", remedy);
        }
        if (TorchLibrary.ConvolutionRemedy is { } slower)
        {
            yield return Good("convolutions", slower);
        }
        var libtorch = Libtorch.Loaded();
        yield return Good("libtorch", $"{libtorch?.Version ?? "unknown version"}, {libtorch?.Path ?? "unknown place"}");
        var blas = Blas.Loaded();
        yield return blas.IsReference
            ? new("BLAS", Verdict.Warning, $"the reference BLAS, {blas.Path}; {InstallBlas}")
            : Good("BLAS", $"{blas.Name}{(BlasThreads.Kernels is { } core ? $" ({core} kernels)" : "")}, {blas.Path}");
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

    private static string Provider() =>
        LoadedLibrary.Find("libflowbp.so") is { } own
            ? $"FlowBP's own binding ({own}) over a libtorch that was found"
                // The launcher says so.
                + (
                    Environment.GetEnvironmentVariable("FLOWBP_INSTEAD_OF_PACKAGE") is { Length: > 0 } reason
                        ? $", instead of the TorchSharp package: {reason}"
                        : ""
                )
            : $"the TorchSharp package {TorchLibrary.ProviderVersion} with libtorch from its package";

    // Loaded, not only looked for: a half-fetched or damaged checkpoint is no model.
    private static Finding Model(Func<string> folder)
    {
        try
        {
            var found = folder();
            using var model = StoredModel.Load(found);
            return Good("embedded model", found);
        }
        catch (FileNotFoundException)
        {
            return new("embedded model", Verdict.Missing, $"not found; {RestoreModel}");
        }
        catch (CheckpointException e)
        {
            return new("embedded model", Verdict.Missing, $"{e.Message}; {RestoreModel}");
        }
    }

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
