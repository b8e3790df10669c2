using System.Runtime.InteropServices;

namespace FlowBP.Torch.Tests;

/// <summary>Mistakes are exceptions that say what was asked of what; none ends the process.</summary>
public class ErrorTests
{
    private DisposeScope scope = null!;

    [SetUp]
    public void Open() => scope = torch.NewDisposeScope();

    [TearDown]
    public void CloseScope() => scope.Dispose();

    [Test]
    public void Shapes_that_do_not_fit_are_in_the_message_with_the_operator()
    {
        Assert.That(
            () => torch.ones(2, 3).matmul(torch.ones(4, 5)),
            Throws.InstanceOf<ExternalException>().With.Message.StartsWith("matmul(float32[2, 3], float32[4, 5]): ")
        );
        Assert.That(
            () => torch.ones(2) + torch.ones(3),
            Throws.InstanceOf<ExternalException>().With.Message.StartsWith("add(float32[2], float32[3]): ")
        );
        Assert.That(
            () => torch.cat([torch.ones(2, 1), torch.ones(3, 2)]),
            Throws.InstanceOf<ExternalException>().With.Message.StartsWith("cat([float32[2, 1], float32[3, 2]], 0): ")
        );
        Assert.That(
            () => torch.ones(6).view(4, 2),
            Throws.InstanceOf<ExternalException>().With.Message.StartsWith("view(float32[6], [4, 2]): ")
        );
    }

    [Test]
    public void A_message_has_no_trace_of_native_code()
    {
        Exception failure = Assert.Throws<ExternalException>(() => torch.ones(2).view(3))!;
        Assert.That(failure.Message, Does.Not.Contain("Exception raised from").And.Not.Contain(".cpp"));
    }

    [Test]
    public void A_disposed_tensor_is_refused_by_name()
    {
        var x = torch.ones(2);
        var y = torch.ones(2);
        x.Dispose();
        x.Dispose();
        Assert.That(x.IsInvalid, Is.True);
        Assert.That(x.ToString(), Is.EqualTo("disposed tensor"));
        Assert.That(() => x + y, Throws.InstanceOf<ObjectDisposedException>().With.Message.Contains("add"));
        Assert.That(() => y.add_(x), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(() => torch.cat([y, x]), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(() => x.shape, Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(() => x.Handle, Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(() => x.alias(), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(() => x.item<float>(), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(() => x.grad, Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(() => x.requires_grad_(), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(() => torch.autograd.grad([x], [y]), Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public void Missing_tensors_are_refused()
    {
        Assert.That(() => torch.cat([torch.ones(1), null!]), Throws.Exception.With.Message.Contains("missing"));
        Assert.That(() => torch.ones(1) + (Tensor)null!, Throws.InstanceOf<ExternalException>());
        Assert.That(() => nn.functional.linear(null!, torch.ones(1, 1)), Throws.InstanceOf<ExternalException>());
        Assert.That(() => torch.cat([]), Throws.InstanceOf<ExternalException>());
    }

    [Test]
    public void Integers_have_no_gradient()
    {
        Assert.That(
            () => torch.arange(3).requires_grad_(),
            Throws.InstanceOf<ExternalException>().With.Message.Contains("int64[3]")
        );
    }

    [Test]
    public void More_memory_than_there_is_is_an_error()
    {
        Assert.That(() => torch.empty([1L << 60]), Throws.InstanceOf<ExternalException>());
        Assert.That(() => torch.empty([-1]), Throws.InstanceOf<ExternalException>());
        Close.To([1], torch.ones(1));
    }

    [Test]
    public void Items_and_bytes_say_what_they_need()
    {
        var x = torch.ones(2, 3);
        Assert.That(() => x.item<float>(), Throws.InvalidOperationException.With.Message.Contains("float32[2, 3]"));
        Assert.That(() => x.data<long>(), Throws.InvalidOperationException.With.Message.Contains("float32[2, 3]"));
        Assert.That(() => x.t().bytes.Length, Throws.InvalidOperationException.With.Message.Contains("float32[3, 2]"));
        Assert.That(() => x.bytes = new byte[3], Throws.ArgumentException.With.Message.Contains("3 bytes"));
    }

    [Test]
    public void A_failed_call_leaves_no_handle()
    {
        var x = torch.ones(2);
        var y = torch.ones(3);
        var before = Close.LiveHandles();
        for (var i = 0; i < 100; i++)
        {
            Assert.That(() => x.add_(y), Throws.Exception);
        }

        Assert.That(NativeMemory.LiveHandles, Is.EqualTo(before));
    }

    [TestCase("cpu", DeviceType.CPU, -1)]
    [TestCase("cuda", DeviceType.CUDA, 0)]
    [TestCase("cuda:3", DeviceType.CUDA, 3)]
    [TestCase("meta", DeviceType.META, -1)]
    public void Devices_by_name(string name, DeviceType type, int index) =>
        Assert.That(torch.device(name), Is.EqualTo(new Device(type, index)));

    [TestCase("gpu")]
    [TestCase("cuda:")]
    [TestCase("cuda:-1")]
    [TestCase("cuda:0:0")]
    [TestCase("0")]
    [TestCase("")]
    public void Other_names_are_no_devices(string name) =>
        Assert.That(() => torch.device(name), Throws.ArgumentException.With.Message.Contains($"'{name}'"));

    [Test]
    public void A_meta_tensor_has_a_shape_and_no_elements()
    {
        var x = torch.zeros([1L << 40, 3], device: torch.META);
        Assert.That((x + 1).shape, Is.EqualTo(new long[] { 1L << 40, 3 }));
        Assert.That(() => x.bytes.Length, Throws.InvalidOperationException);
    }
}
