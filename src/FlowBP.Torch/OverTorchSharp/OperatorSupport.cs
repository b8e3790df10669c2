namespace FlowBP.Torch;

/// <summary>Which of the operators that came late this libtorch has.</summary>
public static class OperatorSupport
{
    /// <summary>Whether attention is one operator: it is in every libtorch that the package brings.</summary>
    public static bool FusedAttention => true;
}
