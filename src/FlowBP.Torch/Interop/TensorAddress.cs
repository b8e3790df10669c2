namespace FlowBP.Torch;

/// <summary>A tensor's address where libtorch's C functions do not tell it: releases before 2.2 have none.</summary>
internal static class TensorAddress
{
    public static unsafe nint Of(torch.Tensor tensor) => (nint)tensor.Info().Data;
}
