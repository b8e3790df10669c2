namespace FlowBP.Torch.Tests;

/// <summary>A view begins where its own first element is, whatever it is a view of.</summary>
public class TensorViewPointerTests
{
    private static readonly (string Name, int Bytes)[] s_types =
    [
        (nameof(ScalarType.Float64), 8),
        (nameof(ScalarType.Float32), 4),
        (nameof(ScalarType.BFloat16), 2),
        (nameof(ScalarType.Int64), 8),
        (nameof(ScalarType.Bool), 1),
    ];

    [TestCaseSource(nameof(s_types))]
    public void The_address_of_a_view_is_the_base_plus_its_offset((string Name, int Bytes) type)
    {
        using var scope = torch.NewDisposeScope();
        var whole = torch.zeros([4, 3, 5], dtype: Enum.Parse<ScalarType>(type.Name));
        long start = TensorPointer.Of(whole);
        Assert.Multiple(() =>
        {
            Assert.That(TensorPointer.Of(whole[1]) - start, Is.EqualTo(15 * type.Bytes));
            Assert.That(TensorPointer.Of(whole[3][2]) - start, Is.EqualTo((45 + 10) * type.Bytes));
            Assert.That(TensorPointer.Of(whole.narrow(0, 2, 2)) - start, Is.EqualTo(30 * type.Bytes));
            Assert.That(TensorPointer.Of(whole.narrow(0, 2, 2)[1]) - start, Is.EqualTo(45 * type.Bytes));
            Assert.That(TensorPointer.Of(whole.view(60).narrow(0, 7, 1)) - start, Is.EqualTo(7 * type.Bytes));
        });
    }

    [Test]
    public unsafe void What_is_written_at_the_address_of_a_view_is_read_in_the_whole()
    {
        using var scope = torch.NewDisposeScope();
        var whole = torch.zeros([3, 4]);
        var row = whole[2];
        ((float*)TensorPointer.Of(row))[1] = 7;
        Assert.That(whole[2, 1].ToDouble(), Is.EqualTo(7));
        Assert.That(whole.sum().ToDouble(), Is.EqualTo(7));
    }

    [Test]
    public void A_strided_view_is_refused_and_its_contiguous_copy_is_elsewhere()
    {
        using var scope = torch.NewDisposeScope();
        var whole = torch.zeros([3, 4]);
        var column = whole.select(1, 1);
        Assert.That(() => TensorPointer.Of(column), Throws.ArgumentException.With.Message.Contains("contiguous"));
        var copy = TensorPointer.Of(column.contiguous());
        Assert.That((long)copy - TensorPointer.Of(whole), Is.Not.InRange(0, 47));
    }

    [Test]
    public void An_empty_view_has_no_address_and_a_disposed_tensor_is_refused()
    {
        using var scope = torch.NewDisposeScope();
        var whole = torch.zeros([3, 4]);
        Assert.That((long)TensorPointer.Of(whole.narrow(0, 3, 0)), Is.Zero);
        var gone = torch.zeros([1]);
        gone.Dispose();
        Assert.That(() => TensorPointer.Of(gone), Throws.ArgumentException.With.Message.Contains("disposed"));
    }

    [Test]
    public void A_tensor_on_meta_has_a_shape_and_no_address()
    {
        using var tensor = torch.zeros([2, 3], device: torch.device("meta"));
        Assert.That(() => TensorPointer.Of(tensor), Throws.ArgumentException.With.Message.Contains("meta"));
    }
}
