namespace FlowBP.Torch.Tests;

/// <summary>Kernels are given memory that they can read, or nothing.</summary>
public class CudaTensorPointerTests
{
    [Test]
    public void A_tensor_where_the_kernels_work_is_its_address()
    {
        using var tensor = torch.zeros([2, 3]);
        Assert.That(TensorPointer.Of(tensor, deviceIndex: null), Is.EqualTo(TensorPointer.Of(tensor)));
        Assert.That(TensorPointer.IsOn(tensor, null), Is.True);
        Assert.That(TensorPointer.IsOn(tensor, 0), Is.False);
    }

    [Test]
    public void A_tensor_elsewhere_is_refused_with_both_places_and_its_shape()
    {
        using var tensor = torch.zeros([2, 3]);
        Assert.That(
            () => TensorPointer.Of(tensor, deviceIndex: 1),
            Throws
                .ArgumentException.With.Message.Contains("cuda:1")
                .And.Message.Contains("is on cpu")
                .And.Message.Contains("2, 3")
        );
    }

    [Test]
    public void A_strided_tensor_is_refused()
    {
        using var tensor = torch.zeros([2, 3]);
        using var transposed = tensor.transpose(0, 1);
        Assert.That(
            () => TensorPointer.Of(transposed, deviceIndex: null),
            Throws.ArgumentException.With.Message.Contains("contiguous")
        );
    }

    [Test]
    public void On_a_GPU_tensors_of_the_CPU_and_of_other_GPUs_are_refused()
    {
        if (!torch.cuda.is_available())
        {
            Assert.Ignore("libtorch sees no GPU: this test takes a machine with one and a libtorch with CUDA");
        }
        using var there = torch.zeros([2, 3], device: torch.CUDA);
        Assert.That(TensorPointer.Of(there, 0), Is.EqualTo(TensorPointer.Of(there)));
        Assert.That(
            () => TensorPointer.Of(there, null),
            Throws.ArgumentException.With.Message.Contains("is on cuda:0")
        );
        Assert.That(() => TensorPointer.Of(there, 1), Throws.ArgumentException.With.Message.Contains("work on cuda:1"));
    }
}
