// What others' code hands in or returns: networks, rewards, noise. A shape that happens to broadcast would train on other numbers
// than meant, and a library below answers some of the rest with a message about its own insides.

namespace FlowBP.Surrogates;

/// <summary>Refuses tensors that are not what a method needs, by their role.</summary>
internal static class TensorChecks
{
    /// <summary>A tensor that is alive, of real numbers, with values.</summary>
    /// <param name="what">Its role, as in <c>the velocity</c>.</param>
    /// <param name="tensor">The tensor.</param>
    /// <exception cref="ArgumentException">It is none.</exception>
    public static Tensor RealNumbers(string what, Tensor? tensor)
    {
        if (tensor is null or { IsInvalid: true })
        {
            throw new ArgumentException($"{what} {(tensor is null ? "is missing" : "was disposed")}");
        }
        if (tensor.device_type == DeviceType.META)
        {
            throw new ArgumentException($"{what}, {Described(tensor)}, is on meta: it has a shape and no values");
        }
        if (tensor.dtype is not (ScalarType.Float64 or ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16))
        {
            throw new ArgumentException($"{what} is {Described(tensor)}; expected real numbers");
        }
        return tensor;
    }

    /// <summary>The same, of a shape.</summary>
    /// <param name="what">Its role.</param>
    /// <param name="tensor">The tensor.</param>
    /// <param name="shape">The shape.</param>
    /// <param name="why">What has that shape.</param>
    /// <exception cref="ArgumentException">It is of another.</exception>
    public static Tensor Shaped(string what, Tensor? tensor, long[] shape, string why)
    {
        var checkedTensor = RealNumbers(what, tensor);
        return checkedTensor.shape.AsSpan().SequenceEqual(shape)
            ? checkedTensor
            : throw new ArgumentException(
                $"{what} is {Described(checkedTensor)}; expected [{string.Join(", ", shape)}], {why}"
            );
    }

    /// <summary>A tensor that something can be pulled back through.</summary>
    /// <param name="what">Its role.</param>
    /// <param name="tensor">The tensor.</param>
    /// <exception cref="ArgumentException">Nothing can.</exception>
    public static void Differentiable(string what, Tensor tensor)
    {
        if (!tensor.requires_grad)
        {
            throw new ArgumentException(
                $"no gradient can be taken of {what}: it does not depend on anything that requires gradients (a detach(), a"
                    + " no_grad() or frozen parameters on the way)"
            );
        }
    }

    private static string Described(Tensor tensor) => $"{tensor.dtype} [{string.Join(", ", tensor.shape)}]";
}
