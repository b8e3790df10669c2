// Activations whose form in the tensor library's API is unusual, in one place.

namespace FlowBP.Models.Layers;

internal static class Activations
{
    private const double Linear = 1.5957691216057308; // 2·√(2/π)
    private const double Cubic = Linear * 0.044715;

    /// <summary>
    /// The tanh approximation of GELU, <c>x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³)))</c>, as transformer MLPs use it.
    /// </summary>
    public static Tensor GeluTanh(Tensor x) =>
        torch.is_grad_enabled()
        || x.device.type != DeviceType.CPU
        || x.dtype is not (ScalarType.Float32 or ScalarType.Float64)
            ? F.gelu(x, GELU.Approximate.tanh)
            : BySigmoid(x);

    // (1 + tanh u)/2 is the logistic function of 2u, and that takes a third of the time of libtorch's tanh on the CPU. Without
    // a graph the steps can share one buffer.
    private static Tensor BySigmoid(Tensor x) => (x * x).mul_(Cubic).add_(Linear).mul_(x).sigmoid_().mul_(x);
}
