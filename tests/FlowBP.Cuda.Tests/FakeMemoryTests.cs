// The device's memory.

namespace FlowBP.Cuda.Tests;

public class FakeMemoryTests : FakeDriverFixture
{
    [Test]
    public void Too_large_an_allocation_says_what_was_asked_for_and_what_is_free()
    {
        Assert.That(
            () => Driver.Allocate(5L << 40),
            Throws
                .TypeOf<CudaException>()
                .With.Message.StartsWith(
                    "cuMemAlloc of 5120.0 GiB on GPU 0: out of memory; 3.0 GiB of 80.0 GiB are free: "
                )
                .And.Property(nameof(CudaException.ErrorName))
                .EqualTo("CUDA_ERROR_OUT_OF_MEMORY")
        );
    }

    [Test]
    public void Nothing_is_allocated_copied_or_filled_for_no_bytes()
    {
        Assert.That((long)Driver.Allocate(0), Is.Zero);
        Assert.That(() => Driver.Free(0), Throws.Nothing);
        Assert.That(() => Driver.CopyToDevice(0, [], 0), Throws.Nothing);
        Assert.That(() => Driver.CopyToHost([], 0, 0), Throws.Nothing);
        Assert.That(() => Driver.Fill(0, 1, 0, 0), Throws.Nothing);
        Assert.That(() => Driver.Allocate(-1), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void Bytes_are_filled_and_the_device_of_a_pointer_is_told()
    {
        var pointer = Driver.Allocate(8);
        Driver.Fill(pointer, 0xAB, 8, 0);
        var bytes = new byte[8];
        Driver.CopyToHost(bytes, pointer, 0);

        Assert.That(bytes, Has.All.EqualTo(0xAB));
        Assert.That(Driver.OrdinalOf(pointer), Is.EqualTo(1));
        Assert.That(Driver.OrdinalOf(8), Is.Null);
        Driver.Free(pointer);
    }
}
