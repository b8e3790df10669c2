namespace FlowBP.Torch.Tests;

/// <summary>An object stays who it is and becomes another tensor.</summary>
public class TensorIdentityTests
{
    [Test]
    public void The_object_has_the_shape_type_and_memory_of_the_other()
    {
        using var scope = torch.NewDisposeScope();
        var held = torch.zeros([2, 3]);
        var other = torch.arange(4, dtype: ScalarType.Float64);
        held.Become(other);
        Assert.Multiple(() =>
        {
            Assert.That(held.shape, Is.EqualTo(new long[] { 4 }));
            Assert.That(held.dtype, Is.EqualTo(ScalarType.Float64));
            Assert.That(TensorPointer.Of(held), Is.EqualTo(TensorPointer.Of(other)));
        });
        other.add_(1);
        Assert.That(held.sum().ToDouble(), Is.EqualTo(10));
    }

    [Test]
    public void The_object_lives_on_when_the_other_is_disposed()
    {
        using var held = torch.zeros([1]);
        var other = torch.ones([3]);
        held.Become(other);
        other.Dispose();
        Assert.That(held.ToDoubleSum(), Is.EqualTo(3));
    }

    [Test]
    public void A_parameter_of_a_module_becomes_the_tensor_that_the_module_computes_with()
    {
        using var scope = torch.NewDisposeScope();
        using var layer = nn.Linear(2, 1, hasBias: false);
        var parameter = layer.weight!;
        using (torch.no_grad())
        {
            parameter.Become(torch.tensor(new double[] { 3, 5 }, [1, 2]).requires_grad_());
        }
        layer.call(torch.ones([1, 2], dtype: ScalarType.Float64)).sum().backward();
        Assert.Multiple(() =>
        {
            Assert.That(ReferenceEquals(layer.weight, parameter), Is.True);
            Assert.That(parameter.grad!.dtype, Is.EqualTo(ScalarType.Float64));
            Assert.That(parameter.grad!.ToDoubleSum(), Is.EqualTo(2));
        });
    }

    [Test]
    public void A_disposed_tensor_neither_becomes_another_nor_is_one_that_is_become()
    {
        using var alive = torch.zeros([1]);
        var gone = torch.zeros([1]);
        gone.Dispose();
        Assert.That(() => gone.Become(alive), Throws.ArgumentException.With.Message.Contains("disposed"));
        Assert.That(() => alive.Become(gone), Throws.ArgumentException.With.Message.Contains("disposed"));
    }
}

internal static class Sums
{
    /// <summary>The sum of all elements, without a temporary that waits for the finaliser.</summary>
    public static double ToDoubleSum(this Tensor tensor)
    {
        using var scope = torch.NewDisposeScope();
        return tensor.sum().ToDouble();
    }
}
