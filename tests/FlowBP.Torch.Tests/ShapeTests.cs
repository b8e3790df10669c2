namespace FlowBP.Torch.Tests;

/// <summary>Shapes, views, joins and gathers on 0, 1, 2, … whose places can be read off.</summary>
public class ShapeTests
{
    private DisposeScope scope = null!;

    [SetUp]
    public void Open() => scope = torch.NewDisposeScope();

    [TearDown]
    public void CloseScope() => scope.Dispose();

    [Test]
    public void Factories_fill_as_they_say()
    {
        Assert.That(torch.zeros(2, 3).shape, Is.EqualTo(new long[] { 2, 3 }));
        Assert.That(torch.zeros([2]).dtype, Is.EqualTo(ScalarType.Float32));
        Close.To([1, 1], torch.ones(2, dtype: torch.float64));
        Close.To([2.5, 2.5], torch.full([2], 2.5));
        Close.To([7], torch.full_like(torch.zeros([1], ScalarType.Int64), 7));
        Close.To([0, 1, 2], torch.arange(3));
        Close.To([1, 2], torch.arange(1, 3, torch.float64));
        Close.To([0.5, 0.75], torch.arange(0.5, 1.0, 0.25));
        Close.To([-1, 0, 1], torch.linspace(-1, 1, 3, torch.float64));
        Assert.That(torch.zeros_like(torch.ones(2, dtype: ScalarType.BFloat16)).dtype, Is.EqualTo(ScalarType.BFloat16));
        Assert.That(torch.zeros([2], requires_grad: true).requires_grad, Is.True);
    }

    [Test]
    public void Managed_memory_is_copied_with_its_type()
    {
        float[] source = [1, 2, 3, 4];
        var x = torch.tensor(source, [2, 2]);
        source[0] = 9;
        Close.To([1, 2, 3, 4], x);
        Assert.That(torch.tensor(source, torch.float64).dtype, Is.EqualTo(torch.float64));
        Assert.That(torch.tensor(5).dtype, Is.EqualTo(ScalarType.Int32));
        Assert.That(torch.tensor(5L).dtype, Is.EqualTo(ScalarType.Int64));
        Assert.That(torch.tensor(1.5).ndim, Is.Zero);
        Assert.That(torch.tensor(Array.Empty<float>()).shape, Is.EqualTo(new long[] { 0 }));
        Assert.That(
            () => torch.tensor(source, [3]),
            Throws.ArgumentException.With.Message.Contains("4 elements for shape [3]")
        );
    }

    [Test]
    public void Axes_move()
    {
        var x = torch.arange(6).view(2, 3);
        Close.To([0, 3, 1, 4, 2, 5], x.t());
        Close.To([0, 3, 1, 4, 2, 5], x.permute(1, 0));
        Close.To([0, 3, 1, 4, 2, 5], x.transpose(-1, -2).contiguous());
        Assert.That(x.transpose(0, 1).is_contiguous(), Is.False);
        Assert.That(x.reshape(-1).shape, Is.EqualTo(new long[] { 6 }));
        Assert.That(x.unflatten(1, 3, 1).shape, Is.EqualTo(new long[] { 2, 3, 1 }));
        Assert.That(x.unsqueeze(-1).shape, Is.EqualTo(new long[] { 2, 3, 1 }));
        Assert.That(torch.zeros(1, 3).expand(4, -1).shape, Is.EqualTo(new long[] { 4, 3 }));
        Close.To([0, 1, 0, 1, 0, 1, 0, 1], torch.arange(2).repeat(2, 2));
        Close.To([0, 0, 1, 1], torch.arange(2).repeat_interleave(2));
        Close.To([2, 0, 1], torch.arange(3).roll([1], [0]));
        Assert.That(x.size(-1), Is.EqualTo(3));
        Assert.That(
            () => x.size(2),
            Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("int64[2, 3]")
        );
    }

    [Test]
    public void Joins_and_parts_are_inverse()
    {
        var x = torch.arange(12).view(3, 4);
        Assert.That(x.chunk(2).Select(c => c.size(0)), Is.EqualTo(new long[] { 2, 1 }));
        Close.To([4, 5, 6, 7], x.narrow(0, 1, 1));
        Close.To([1, 5, 9], x.select(1, 1));
    }

    [Test]
    public void A_list_of_results_may_be_of_any_length()
    {
        var before = Close.LiveHandles();
        var whole = torch.arange(1000);
        var parts = whole.chunk(1000);
        Assert.That(parts, Has.Length.EqualTo(1000));
        Assert.That(parts[999].item<long>(), Is.EqualTo(999));
        Assert.That(NativeMemory.LiveHandles, Is.EqualTo(before + 1001));
    }

    [Test]
    public void A_list_of_arguments_may_be_of_any_length()
    {
        // Two megabytes of addresses: more than a thread of 1.5 MB has as stack.
        var one = torch.ones(1);
        var sum = torch.cat([.. Enumerable.Repeat(one, 250_000)]).sum();
        Assert.That(sum.item<float>(), Is.EqualTo(250_000f));
    }

    [Test]
    public void Gathers_and_scatters()
    {
        var x = torch.arange(6).view(2, 3);
        var index = torch.tensor(new long[] { 2, 0 });
        Close.To([2, 0, 5, 3], x.index_select(1, index));
        Close.To([2, 3], x.gather(1, index.view(2, 1)));
        Close.To([1, 1, 3, 4, 4, 6], x.clone().index_add_(1, index, torch.ones([2, 2], ScalarType.Int64), 1));
        Close.To([8, 1, 7, 8, 4, 7], x.clone().index_copy_(1, index, torch.tensor(new long[] { 7, 8, 7, 8 }, [2, 2])));
        Close.To([0, 1, 2, 0, 4, 5], x.triu());
        Close.To([0, 0, 0, 3, 4, 0], x.tril());
    }

    [Test]
    public void A_copy_is_broadcast_and_converted()
    {
        var x = torch.zeros([2, 2], torch.float64);
        x.copy_(torch.tensor(new long[] { 1, 2 }));
        Close.To([1, 2, 1, 2], x);
    }
}
