namespace FlowBP.Torch.Tests;

/// <summary>Index expressions, as in Python: x is 0 … 23 in the shape [2, 3, 4].</summary>
public class IndexingTests
{
    private DisposeScope scope = null!;
    private Tensor x = null!;

    [SetUp]
    public void Open()
    {
        scope = torch.NewDisposeScope();
        x = torch.arange(24, torch.float64).view(2, 3, 4);
    }

    [TearDown]
    public void CloseScope()
    {
        x.Dispose();
        scope.Dispose();
    }

    private static void Is_(Tensor actual, long[] shape, params double[] elements)
    {
        Assert.That(actual.shape, Is.EqualTo(shape));
        Close.To(elements, actual);
    }

    [Test]
    public void Elements_drop_their_axis_and_count_from_the_end_where_negative()
    {
        Is_(x[1, 2, 3], [], 23);
        Is_(x[-1, -1, -1], [], 23);
        Is_(x[1, 2], [4], 20, 21, 22, 23);
    }

    [Test]
    public void Slices_keep_their_axis()
    {
        Is_(x[.., 1, ..2], [2, 2], 4, 5, 16, 17);
        Is_(x[.., 1, 2..], [2, 2], 6, 7, 18, 19);
        Is_(x[0, 0, 1..^1], [2], 1, 2);
        Is_(x[0, 0, ^2..], [2], 2, 3);
        Is_(x[0, 0, TensorIndex.Slice(step: 2)], [2], 0, 2);
        Is_(x[0, 0, TensorIndex.Slice(1, null, 2)], [2], 1, 3);
        Is_(x[0, 0, TensorIndex.Slice(-3, -1)], [2], 1, 2);
        Is_(x[0, 0, TensorIndex.Slice(2, 100)], [2], 2, 3);
        Is_(x[0, 0, TensorIndex.Slice(3, 1)], [0]);
    }

    [Test]
    public void Elements_and_slices_are_views()
    {
        x[0, .., 1..3].fill_(-1);
        Is_(x[0, 1], [4], 4, -1, -1, 7);
    }

    [Test]
    public void Assignment_broadcasts_into_the_selection()
    {
        x[0, 0] = torch.tensor(-1.0);
        Is_(x[0, 0], [4], -1, -1, -1, -1);
        x[1, .., ..2] = torch.tensor(new double[] { -2, -3 });
        Is_(x[1, 2], [4], -2, -3, 22, 23);
    }

    [Test]
    public void An_index_is_differentiable()
    {
        var y = x.clone().requires_grad_();
        (y[0, 1, 1..3].sum() + (y[1, 2, 0] * 6)).backward();
        var expected = new double[24];
        expected[5] = expected[6] = 1;
        expected[20] = 6;
        Close.To(expected, y.grad!);
    }

    [Test]
    public void Errors_say_what_was_indexed()
    {
        Assert.That(() => x[0, 0, 0, 0], Throws.ArgumentException.With.Message.Contains("float64[2, 3, 4]"));
        Assert.That(() => x[2], Throws.Exception.With.Message.Contains("select").And.Message.Contains("[2, 3, 4]"));
    }

    [Test]
    public void Indexing_leaves_no_handle_but_the_result()
    {
        var before = Close.LiveHandles();
        using (var y = x[0, .., 1..3])
        {
            Assert.That(NativeMemory.LiveHandles, Is.EqualTo(before + 1));
        }

        Assert.That(NativeMemory.LiveHandles, Is.EqualTo(before));
    }
}
