// What the machine gives at best: large matrix products in the type of the run, in the same process. A share of it says more than
// a share of a data sheet, whose clocks a loaded device does not keep.

using System.Diagnostics;
using FlowBP.Benchmarks.Gpu;
using FlowBP.Cuda;
using FlowBP.Training.Devices;

namespace FlowBP.Benchmarks.FullSize;

/// <summary>The best of a few large matrix products.</summary>
/// <param name="Rows">Rows of the left factor and of the product.</param>
/// <param name="Inner">Columns of the left factor, rows of the right one.</param>
/// <param name="Columns">Columns of the right factor and of the product.</param>
/// <param name="FlopsPerSecond">Operations per second.</param>
internal readonly record struct MatrixRate(long Rows, long Inner, long Columns, double FlopsPerSecond)
{
    private const int CpuRepeats = 4;
    private static readonly (long, long, long)[] s_gpuSizes =
    [
        (8192, 8192, 8192),
        (16384, 8192, 8192),
        (8192, 16384, 8192),
        (16384, 4096, 16384),
    ];

    // From small to large: without instructions for bfloat16 a large product can take minutes.
    private const double MostCpuSeconds = 2;
    private static readonly (long, long, long)[] s_cpuSizes =
    [
        (256, 256, 256),
        (1024, 1024, 1024),
        (2048, 2048, 2048),
        (512, 4096, 4096),
    ];

    /// <summary>Measures: on a GPU the median by its own clock, on a CPU the fastest.</summary>
    /// <param name="device">Where.</param>
    /// <param name="type">Type of the factors.</param>
    /// <param name="values">What they are filled with, on the device.</param>
    /// <exception cref="DeviceUnavailableException">The GPU's driver can't be opened.</exception>
    internal static MatrixRate Measure(ComputeDevice device, ScalarType type, RandomValues values)
    {
        using var noGrad = torch.no_grad();
        if (!device.IsGpu)
        {
            var best = Rate(s_cpuSizes[0], values, type, OnCpu);
            foreach (var size in s_cpuSizes.Skip(1).Where(size => Flops(size) / best.FlopsPerSecond < MostCpuSeconds))
            {
                var rate = Rate(size, values, type, OnCpu);
                best = rate.FlopsPerSecond > best.FlopsPerSecond ? rate : best;
            }
            return best;
        }
        if (!CudaDriver.TryOpen(out var driver, out var obstacle, device.Device.index))
        {
            throw new DeviceUnavailableException(obstacle.Message);
        }
        using (driver)
        {
            using var timer = new GpuTimer(driver, CudaStream.Current(device.Device.index));
            double OnGpu(Action product)
            {
                var times = timer.Measure([product], seesLaunches: false)[0];
                return times[times.Length / 2] / 1e3;
            }
            return s_gpuSizes.Select(size => Rate(size, values, type, OnGpu)).MaxBy(rate => rate.FlopsPerSecond);
        }
    }

    // Factors of normal numbers: what a device draws, and so its clock, depends on the bits that it multiplies.
    private static MatrixRate Rate(
        (long Rows, long Inner, long Columns) size,
        RandomValues values,
        ScalarType type,
        Func<Action, double> seconds
    )
    {
        using var scope = torch.NewDisposeScope();
        var left = values.Normal(size.Rows, size.Inner).to(type);
        var right = values.Normal(size.Inner, size.Columns).to(type);
        var taken = seconds(() =>
        {
            using var product = left.matmul(right);
        });
        return new(size.Rows, size.Inner, size.Columns, Flops(size) / taken);
    }

    private static double Flops((long Rows, long Inner, long Columns) size) =>
        2.0 * size.Rows * size.Inner * size.Columns;

    private static double OnCpu(Action product)
    {
        product();
        var fastest = double.PositiveInfinity;
        for (var repeat = 0; repeat < CpuRepeats; repeat++)
        {
            var started = Stopwatch.GetTimestamp();
            product();
            fastest = Math.Min(fastest, Stopwatch.GetElapsedTime(started).TotalSeconds);
        }
        return fastest;
    }
}
