using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

/// <summary>Which of the operators that came late this libtorch has.</summary>
public static class OperatorSupport
{
    /// <summary>
    /// Whether attention is one operator; otherwise it is composed of products and a softmax, and holds the matrix of scores.
    /// </summary>
    public static bool FusedAttention => Aten.scaled_dot_product_attention.IsAvailable;
}
