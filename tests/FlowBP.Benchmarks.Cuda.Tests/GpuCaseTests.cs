// The benchmarks' cases on the emulated driver, at sizes that it can do: pointers, shapes and formulas are those that a GPU gets.

using System.Text;
using FlowBP.Benchmarks.Gpu;
using FlowBP.Kernels.Cuda;
using FlowBP.Kernels.Cuda.Tests;

namespace FlowBP.Benchmarks.Cuda.Tests;

public class GpuCaseTests
{
    private static IEnumerable<string> Names => GpuCases.All.Keys;

    [TestCaseSource(nameof(Names))]
    public void A_kernel_gives_the_bits_of_the_reference_and_nearly_libtorchs_numbers(string name)
    {
        var driver = new EmulatedDriver("forward");
        using var latents = new CudaLatentKernels(driver, driver.Kernel, stream: () => 0);
        var kernels = new KernelSet(latents, new CudaRolloutKernels(driver, driver.Kernel, stream: () => 0), torch.CPU);
        var report = new StringBuilder();

        var failures = GpuReport.Check(GpuCases.All[name], kernels, report, CaseSize.Tiny, repeats: 2);

        Assert.That(failures, Is.Zero, report.ToString());
        Assert.That(driver.Launches, Is.GreaterThan(0));
    }

    [Test]
    public void A_kernel_that_computes_something_else_fails_both_comparisons()
    {
        var report = new StringBuilder();

        var failures = GpuReport.Check(
            GpuCases.All["scale_cotangent"],
            new KernelSet(new Halving(), new ScalarRolloutKernels(), torch.CPU),
            report,
            CaseSize.Tiny,
            repeats: 1
        );

        Assert.That(failures, Is.EqualTo(2), report.ToString());
    }

    [TestCase("--frobnicate")]
    [TestCase("replai")]
    [TestCase("--output")]
    public void A_name_that_is_none_is_wrong_usage(string typed) => Assert.That(GpuReport.Run([typed]), Is.EqualTo(2));

    [Test]
    public void Without_a_gpu_nothing_is_measured()
    {
        if (CudaDriver.TryOpen(out var driver, out _))
        {
            driver.Dispose();
            Assert.Ignore("this machine has a GPU: run the benchmarks");
        }
        Assert.That(GpuReport.Run(["replay"]), Is.EqualTo(1));
    }
}
