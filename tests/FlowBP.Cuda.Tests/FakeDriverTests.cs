// The driver itself: its devices, and the context of one.

using System.Runtime.InteropServices;

namespace FlowBP.Cuda.Tests;

public unsafe class FakeDriverTests : FakeDriverFixture
{
    [Test]
    public void The_driver_tells_its_version_and_its_devices()
    {
        Assert.That(Driver.Name, Is.EqualTo("NVIDIA driver 12.4"));
        Assert.That(Driver.DeviceCount, Is.EqualTo(2));
        Assert.That(
            Driver.Device(1),
            Is.EqualTo(new CudaDevice(1, "Imaginary 1", new(9, 1), 132, 50 << 20, (80L << 30) + 71, 1024, 227 * 1024))
        );
        Assert.That(() => Driver.Device(2), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void A_device_that_is_not_there_and_a_compiler_that_is_too_new_are_findings()
    {
        Assert.That(CudaDriver.TryOpen(out _, out var absent, ordinal: 2), Is.False);
        Assert.That(absent!.Obstacle, Is.EqualTo(CudaObstacle.NoDevice));
        Assert.That(CudaDriver.TryOpen(out _, out var newer, toolkit: new Version(13, 0)), Is.False);
        Assert.That(newer!.Obstacle, Is.EqualTo(CudaObstacle.DriverOlderThanToolkit));
        Assert.That(CudaDriver.TryOpen(out var fitting, out _, toolkit: new Version(12, 9)), Is.True);
        fitting!.Dispose();
    }

    [Test]
    public void A_device_that_refuses_is_a_finding()
    {
        var refuse = (int*)NativeLibrary.GetExport(FakeDriver.Library, "refuse_contexts");
        *refuse = 1;
        var opened = CudaDriver.TryOpen(out var refused, out var obstacle);
        *refuse = 0;

        Assert.That(opened, Is.False);
        Assert.That(refused, Is.Null);
        Assert.That(obstacle!.Obstacle, Is.EqualTo(CudaObstacle.DeviceUnusable));
        Assert.That(obstacle.Message, Does.StartWith("GPU 0 can't be used: ").And.Contain("out of memory"));
    }

    [Test]
    public void The_primary_context_is_retained_once_and_given_back_once()
    {
        Assert.That(Call<int, int>("fake_retained")(0), Is.EqualTo(1));

        Driver.Dispose();
        Driver.Dispose();

        Assert.That(Call<int, int>("fake_retained")(0), Is.EqualTo(0));
        Assert.That(() => Driver.Allocate(1), Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public void The_context_is_made_current_on_the_threads_that_call()
    {
        var failure = (Exception?)null;
        var current = (nint)0;
        var thread = new Thread(() =>
        {
            try
            {
                Driver.Free(Driver.Allocate(16));
                current = Current();
            }
            catch (CudaException e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();

        Assert.That(failure, Is.Null);
        Assert.That(current, Is.EqualTo(Driver.Context));
    }

    [Test]
    public void The_context_of_another_device_is_put_back()
    {
        const nint other = 0x1001;
        SetCurrent(other);

        Driver.Free(Driver.Allocate(16));

        Assert.That(Current(), Is.EqualTo(other));
    }
}
