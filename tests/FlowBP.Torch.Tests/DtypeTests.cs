using System.Runtime.InteropServices;

namespace FlowBP.Torch.Tests;

public class DtypeTests
{
    private DisposeScope scope = null!;

    [SetUp]
    public void Open() => scope = torch.NewDisposeScope();

    [TearDown]
    public void CloseScope() => scope.Dispose();

    [Test]
    public void Bfloat16_is_float32_rounded_to_nearest_even_in_its_upper_half()
    {
        float[] numbers = [.. Close.Sample(1000).Select(x => (float)(x * 1e3)), 1 + (1f / 256), 1 + (3f / 256), 3e38f];
        var rounded = torch.tensor(numbers).to(ScalarType.BFloat16);
        var found = MemoryMarshal.Cast<byte, ushort>(rounded.bytes).ToArray();

        Assert.That(rounded.dtype, Is.EqualTo(ScalarType.BFloat16));
        Assert.That(rounded.element_size(), Is.EqualTo(2));
        for (var i = 0; i < numbers.Length; i++)
        {
            var bits = BitConverter.SingleToUInt32Bits(numbers[i]);
            var expected = (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
            Assert.That(found[i], Is.EqualTo(expected), $"{numbers[i]:R}");
        }

        var back = rounded.to(ScalarType.Float32).data<float>().ToArray();
        Assert.That(back[0], Is.EqualTo(BitConverter.UInt32BitsToSingle((uint)found[0] << 16)));
    }

    [TestCase(ScalarType.Byte, 1)]
    [TestCase(ScalarType.Int8, 1)]
    [TestCase(ScalarType.Int16, 2)]
    [TestCase(ScalarType.Int32, 4)]
    [TestCase(ScalarType.Int64, 8)]
    [TestCase(ScalarType.Float16, 2)]
    [TestCase(ScalarType.BFloat16, 2)]
    [TestCase(ScalarType.Float32, 4)]
    [TestCase(ScalarType.Float64, 8)]
    public void Small_integers_survive_every_type(ScalarType type, int size)
    {
        var x = torch.tensor(new double[] { 0, 1, 2, 100 }).to(type);
        Assert.That(x.dtype, Is.EqualTo(type));
        Assert.That(x.element_size(), Is.EqualTo(size));
        Assert.That(x.bytes.Length, Is.EqualTo(4 * size));
        Close.To([0, 1, 2, 100], x);
        Assert.That(torch.is_floating_point(type), Is.EqualTo(x.is_floating_point()));
        Assert.That(x[3].item<long>(), Is.EqualTo(100));
    }

    [Test]
    public void A_conversion_to_the_same_type_shares_memory_unless_a_copy_is_asked_for()
    {
        var x = torch.ones(2);
        x.to(ScalarType.Float32).mul_(2);
        Close.To([2, 2], x);
        x.to(ScalarType.Float32, copy: true).mul_(2);
        x.to(torch.CPU, copy: true).mul_(2);
        Close.To([2, 2], x);
        x.to(torch.CPU).mul_(2);
        x.cpu().mul_(2);
        Close.To([8, 8], x);
    }

    [Test]
    public void A_conversion_can_dispose_its_source()
    {
        var x = torch.ones(2);
        var y = x.to(torch.float64, disposeAfter: true);
        Assert.That(x.IsInvalid, Is.True);
        var z = y.to(torch.float64, disposeAfter: true);
        Assert.That(y.IsInvalid, Is.True);
        Close.To([1, 1], z);
    }

    [Test]
    public void A_conversion_is_differentiable()
    {
        var x = torch.tensor(new float[] { 1, 2 }, requires_grad: true);
        (x.to(ScalarType.BFloat16) * 3).sum().backward();
        Assert.That(x.grad!.dtype, Is.EqualTo(ScalarType.Float32));
        Close.To([3, 3], x.grad!);
    }

    [Test]
    public void Bytes_share_the_memory_and_assigning_copies()
    {
        var x = torch.zeros([2], ScalarType.Int32);
        MemoryMarshal.Cast<byte, int>(x.bytes)[1] = 7;
        Close.To([0, 7], x);
        x.bytes = MemoryMarshal.AsBytes<int>(new[] { 3, 4 }).ToArray();
        Close.To([3, 4], x);
        Assert.That(torch.zeros([0]).bytes.Length, Is.Zero);
    }

    [Test]
    public void An_accessor_reads_in_row_major_order_whatever_the_strides()
    {
        var x = torch.arange(6, ScalarType.Int32).view(2, 3).t();
        var data = x.data<int>();
        Assert.That(data.Count, Is.EqualTo(6));
        Assert.That(data.ToArray(), Is.EqualTo(new[] { 0, 3, 1, 4, 2, 5 }));
        Assert.That(data, Is.EqualTo(new[] { 0, 3, 1, 4, 2, 5 }));
    }

    [Test]
    public void Elements_of_a_recorded_tensor_can_be_read()
    {
        var x = torch.ones([2], requires_grad: true) * 2;
        Assert.That(x.data<float>().ToArray(), Is.EqualTo(new float[] { 2, 2 }));
        Assert.That(x.sum().item<float>(), Is.EqualTo(4));
        Assert.That(x.sum().item<double>(), Is.EqualTo(4));
    }
}
