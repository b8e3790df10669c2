using System.Runtime.InteropServices;
using FlowBP.Torch.Interop;

namespace FlowBP.Torch.Tests;

/// <summary>What libtorch tells of CUDA, where it has it and where it has not.</summary>
public class CudaStateTests
{
    [Test]
    public void Without_a_gpu_there_is_no_device_and_its_stream_is_an_error_that_says_so()
    {
        if (torch.cuda.is_available())
        {
            Assert.Ignore("a GPU is here: what is said without one can't be seen");
        }

        Assert.That(torch.cuda.device_count(), Is.Zero);
        Assert.That(
            () => CudaStream.Current(0),
            Throws.InstanceOf<ExternalException>().With.Message.Contains("the current stream of cuda:0")
        );
        Assert.That(() => CudaMemory.ResetPeak(0), Throws.Nothing);
        Assert.That(CudaMemory.Of(0), Is.Null);
    }

    [Test]
    public void With_a_gpu_the_current_stream_is_told()
    {
        if (!torch.cuda.is_available())
        {
            Assert.Ignore("no GPU that libtorch can use: install a libtorch with CUDA on a machine with a GPU");
        }

        Assert.That(torch.cuda.device_count(), Is.Positive);
        Assert.That(() => CudaStream.Current(torch.cuda.device_count() - 1), Throws.Nothing);
    }

    [Test]
    public unsafe void Device_memory_figures_are_four_64_bit_numbers()
    {
        Assert.That(sizeof(NativeDeviceMemory), Is.EqualTo(32));
        Assert.That(Offset(nameof(NativeDeviceMemory.AllocatedBytes)), Is.EqualTo(0));
        Assert.That(Offset(nameof(NativeDeviceMemory.PeakAllocatedBytes)), Is.EqualTo(8));
        Assert.That(Offset(nameof(NativeDeviceMemory.ReservedBytes)), Is.EqualTo(16));
        Assert.That(Offset(nameof(NativeDeviceMemory.PeakReservedBytes)), Is.EqualTo(24));
    }

    private static int Offset(string field) => (int)Marshal.OffsetOf<NativeDeviceMemory>(field);
}
