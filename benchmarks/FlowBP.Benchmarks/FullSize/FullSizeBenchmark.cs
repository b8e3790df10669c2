// `--full-size`: an alignment step of a released model's size, with random weights, through the production trainer: seconds and
// operations by part, memory, and the share of what a matrix product reaches on the same machine in the same process.

using System.Runtime.InteropServices;
using FlowBP.Cuda;
using FlowBP.Settings;
using FlowBP.Training.Devices;

namespace FlowBP.Benchmarks.FullSize;

internal static class FullSizeBenchmark
{
    internal const int NotMeasured = 1;
    internal const int WrongUsage = 2;
    internal const int OutOfMemory = 3;

    /// <summary>Runs the benchmark.</summary>
    /// <param name="arguments">See <see cref="FullSizeOptions.Usage"/>.</param>
    /// <returns>0; 1 nothing is measured; 2 wrong usage; 3 the device's memory does not do.</returns>
    internal static int Run(string[] arguments)
    {
        FullSizeOptions options;
        try
        {
            options = FullSizeOptions.Parse(arguments);
        }
        catch (Exception e) when (e is ArgumentException or UnknownNameException)
        {
            Console.Error.WriteLine(e.Message);
            return WrongUsage;
        }
        try
        {
            using var device = ComputeDevice.Open(options.Config.Model.Device);
            return Run(options, device);
        }
        catch (DeviceUnavailableException e)
        {
            Console.Error.WriteLine($"nothing is measured: {e.Message}");
            return NotMeasured;
        }
    }

    private static int Run(FullSizeOptions options, ComputeDevice device)
    {
        var model = FullSizeModel.Find(options.Model, options.Layers);
        var heading = FullSizeReport.Heading(model, options, Describe(device));
        Console.WriteLine(heading);
        var (code, body) = Measured(model, options, device);
        Console.WriteLine($"\n{body}");
        if (options.Output is { } file)
        {
            File.WriteAllText(file, $"{heading}\n\n{body}");
        }
        return code;
    }

    private static (int Code, string Body) Measured(FullSizeModel model, FullSizeOptions options, ComputeDevice device)
    {
        try
        {
            var result = FullSizeRun.Measure(
                model,
                options.Config,
                device,
                options.WarmUps,
                options.Steps,
                text => Console.Error.WriteLine($"{text} …")
            );
            return (0, FullSizeReport.Of(result));
        }
        catch (Exception e)
            when (e is ExternalException or CudaException
                && e.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase)
            )
        {
            return (
                OutOfMemory,
                "not measured, out of memory: try --checkpointing blocks, a smaller --batch, --vjp_batch_size,"
                    + $" --reward_batch_size, or --lora_rank\n\n{e.Message}\n"
            );
        }
        catch (ArithmeticException e)
        {
            return (NotMeasured, $"not measured: {e.Message}\n");
        }
    }

    private static string Describe(ComputeDevice device)
    {
        if (!device.IsGpu || !CudaDriver.TryOpen(out var driver, out _, device.Device.index))
        {
            return device.Name;
        }
        using (driver)
        {
            var gpu = driver.Device(driver.Ordinal);
            return $"{device.Name}: {gpu.Name}, {gpu.Architecture}, {gpu.MemoryBytes >> 30} GiB, CUDA {driver.Version}";
        }
    }
}
