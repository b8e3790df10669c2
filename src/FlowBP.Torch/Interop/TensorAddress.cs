namespace FlowBP.Torch;

/// <summary>A tensor's address where libtorch's C functions do not tell it: releases before 2.2 have none.</summary>
internal static class TensorAddress
{
    /// <summary>What a tensor is that is not contiguous, and what makes it so.</summary>
    public static string Layout(torch.Tensor _) => "strided: call contiguous() first";

    public static unsafe nint Of(torch.Tensor tensor) => (nint)tensor.Info().Data;
}
