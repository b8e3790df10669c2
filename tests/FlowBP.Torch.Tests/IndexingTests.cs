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
        Is_(x[^1, ^1, ^1], [], 23);
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
        Is_(x[0, 0, TensorIndex.Colon], [4], 0, 1, 2, 3);
    }

    [Test]
    public void An_ellipsis_stands_for_the_axes_that_are_not_named()
    {
        Is_(x[TensorIndex.Ellipsis, 0], [2, 3], 0, 4, 8, 12, 16, 20);
        Is_(x[1, TensorIndex.Ellipsis, 0], [3], 12, 16, 20);
        Is_(x[1, 2, 3, TensorIndex.Ellipsis], [], 23);
        Assert.That(x[TensorIndex.Ellipsis].shape, Is.EqualTo(x.shape));
    }

    [Test]
    public void None_is_a_new_axis()
    {
        Assert.That(x[TensorIndex.None].shape, Is.EqualTo(new long[] { 1, 2, 3, 4 }));
        Assert.That(x[.., TensorIndex.None, 0].shape, Is.EqualTo(new long[] { 2, 1, 4 }));
        Assert.That(x[TensorIndex.Ellipsis, TensorIndex.None].shape, Is.EqualTo(new long[] { 2, 3, 4, 1 }));
    }

    [Test]
    public void A_tensor_of_integers_gathers()
    {
        Tensor index = torch.tensor(new long[] { 2, 0 });
        Is_(x[0, index], [2, 4], 8, 9, 10, 11, 0, 1, 2, 3);
        Is_(x[0, .., index], [3, 2], 2, 0, 6, 4, 10, 8);
        Is_(x[0, index, index], [2], 10, 0);
        Is_(x[1, 1, torch.tensor(new long[] { -1 })], [1], 19);
        Is_(x[1, index.view(2, 1), torch.tensor(new long[] { 1 })], [2, 1], 21, 13);
    }

    [Test]
    public void A_tensor_of_truth_values_selects()
    {
        Is_(x[x > 21], [2], 22, 23);
        Is_(x[1, torch.tensor(new[] { true, false, true })], [2, 4], 12, 13, 14, 15, 20, 21, 22, 23);
        Tensor mask = torch.zeros([2, 3], torch.@bool);
        mask[1, 2] = torch.tensor(true);
        Is_(x[mask], [1, 4], 20, 21, 22, 23);
        Is_(x[mask, torch.tensor(new long[] { 3 })], [1], 23);
        Is_(x[0, 0, torch.tensor(new[] { false, false, false, false })], [0]);
        Assert.That(x[torch.tensor(true)].shape, Is.EqualTo(new long[] { 1, 2, 3, 4 }));
        Assert.That(x[torch.tensor(false)].shape, Is.EqualTo(new long[] { 0, 2, 3, 4 }));
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
        x[x < 0] = torch.tensor(0.0);
        Is_(x[1, 2], [4], 0, 0, 22, 23);
        x[0, torch.tensor(new long[] { 1, 2 }), 3] = torch.tensor(new double[] { 50, 60 });
        Is_(x[0, .., 3], [3], 0, 50, 60);
        x.index_put_(9, TensorIndex.Ellipsis, 0);
        Is_(x[TensorIndex.Ellipsis, 0], [2, 3], 9, 9, 9, 9, 9, 9);
    }

    [Test]
    public void An_index_is_differentiable()
    {
        Tensor y = x.clone().requires_grad_();
        (y[0, 1, 1..3].sum() + (3 * y[1, 2, torch.tensor(new long[] { 0, 0 })]).sum()).backward();
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
        Assert.That(
            () => x[TensorIndex.Ellipsis, TensorIndex.Ellipsis],
            Throws.ArgumentException.With.Message.Contains("two ellipses")
        );
    }

    [Test]
    public void Indexing_leaves_no_handle_but_the_result()
    {
        scope.DisposeEverythingBut(x);
        long before = Close.LiveHandles();
        using (Tensor y = x[0, .., TensorIndex.None, 1..3])
        {
            Assert.That(NativeMemory.LiveHandles, Is.EqualTo(before + 1));
        }

        Assert.That(NativeMemory.LiveHandles, Is.EqualTo(before));
    }
}
