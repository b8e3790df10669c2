// Why there is no CUDA, for every reason there can be: one line, and what to do.

using FlowBP.Cuda.Interop;

namespace FlowBP.Cuda.Tests;

public class CudaUnavailableTests
{
    [Test]
    public void Without_a_driver_opening_it_is_a_finding_and_no_crash()
    {
        if (System.Runtime.InteropServices.NativeLibrary.TryLoad(NativeLibraries.Driver, out _))
        {
            Assert.Ignore("a driver is here: what is said without one can't be seen");
        }

        var opened = CudaDriver.TryOpen(out var driver, out var obstacle);

        Assert.That(opened, Is.False);
        Assert.That(driver, Is.Null);
        Assert.That(obstacle!.Obstacle, Is.EqualTo(CudaObstacle.NoDriver));
        Assert.That(
            obstacle.Message,
            Is.EqualTo("no NVIDIA driver: libcuda.so.1 is not on this machine's library path")
        );
    }

    [TestCase(DriverResult.NoDevice, CudaObstacle.NoDevice, "CUDA_VISIBLE_DEVICES")]
    [TestCase(DriverResult.StubLibrary, CudaObstacle.NoDriver, "stub")]
    [TestCase(DriverResult.SystemDriverMismatch, CudaObstacle.DriverBroken, "different versions")]
    [TestCase(DriverResult.CompatNotSupportedOnDevice, CudaObstacle.DriverBroken, "compatibility package")]
    [TestCase(999, CudaObstacle.DriverBroken, "unknown error (CUDA_ERROR_UNKNOWN)")]
    public void A_driver_that_does_not_start_says_why(int result, CudaObstacle obstacle, string words)
    {
        var finding = CudaUnavailable.AfterInitialization(result, "unknown error (CUDA_ERROR_UNKNOWN)")!;

        Assert.That(finding.Obstacle, Is.EqualTo(obstacle));
        Assert.That(finding.Message, Does.Contain(words).And.Not.Contain("\n"));
    }

    [Test]
    public void A_driver_that_starts_is_no_obstacle()
    {
        Assert.That(CudaUnavailable.AfterInitialization(DriverResult.Success, ""), Is.Null);
    }

    [TestCase("11.4", null)]
    [TestCase("12.4", "12.4")]
    // A driver runs the machine code of every release of its major version.
    [TestCase("12.0", "12.9")]
    [TestCase("13.0", "11.8")]
    public void A_driver_as_new_as_the_compiler_is_no_obstacle(string driver, string? toolkit)
    {
        Assert.That(CudaUnavailable.ByVersion(new(driver), toolkit is null ? null : new(toolkit)), Is.Null);
    }

    [Test]
    public void A_driver_older_than_the_compiler_is_told_with_both_versions()
    {
        var finding = CudaUnavailable.ByVersion(new(12, 4), new(13, 0))!;

        Assert.That(finding.Obstacle, Is.EqualTo(CudaObstacle.DriverOlderThanToolkit));
        Assert.That(
            finding.Message,
            Is.EqualTo(
                "the NVIDIA driver supports CUDA 12.4, older than the compiler's 13.0: update the driver, or set "
                    + "FLOWBP_NVRTC to a libnvrtc of CUDA 12"
            )
        );
    }

    [Test]
    public void A_driver_older_than_this_program_needs_is_told_whatever_the_compiler()
    {
        var finding = CudaUnavailable.ByVersion(new(10, 2), null)!;

        Assert.That(finding.Obstacle, Is.EqualTo(CudaObstacle.DriverTooOld));
        Assert.That(finding.Message, Does.Contain("10.2").And.Contain("11.4"));
    }

    [TestCase(0, 0, "shows no GPU")]
    [TestCase(2, 2, "there is no GPU 2; the NVIDIA driver shows 2")]
    [TestCase(-1, 1, "there is no GPU -1")]
    public void A_device_that_is_not_there_is_told(int ordinal, int count, string words)
    {
        var finding = CudaUnavailable.ByCount(ordinal, count)!;

        Assert.That(finding.Obstacle, Is.EqualTo(CudaObstacle.NoDevice));
        Assert.That(finding.Message, Does.Contain(words));
    }

    [Test]
    public void A_device_that_is_there_is_no_obstacle()
    {
        Assert.That(CudaUnavailable.ByCount(1, 2), Is.Null);
    }

    [Test]
    public void An_error_tells_call_words_code_and_log()
    {
        var error = new CudaException(
            "cuModuleLoadDataEx of replay.cu",
            "CUDA_ERROR_INVALID_PTX",
            "invalid PTX",
            "line 3: x"
        );

        Assert.That(
            error.Message,
            Is.EqualTo("cuModuleLoadDataEx of replay.cu: invalid PTX (CUDA_ERROR_INVALID_PTX)\nline 3: x")
        );
        Assert.That(error.Call, Is.EqualTo("cuModuleLoadDataEx of replay.cu"));
        Assert.That(error.ErrorName, Is.EqualTo("CUDA_ERROR_INVALID_PTX"));
        Assert.That(error.Log, Is.EqualTo("line 3: x"));
    }
}
