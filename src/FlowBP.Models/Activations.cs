// Activations whose form in the tensor library's API is unusual, in one place.

namespace FlowBP.Models;

internal static class Activations
{
    /// <summary>
    /// The tanh approximation of GELU, <c>x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³)))</c>, as transformer MLPs use it.
    /// </summary>
    public static Tensor GeluTanh(Tensor x) => F.gelu(x, GELU.Approximate.tanh);
}
