namespace FlowBP.Torch;

/// <summary>What can be done to a tensor's handle.</summary>
internal static class TensorHandles
{
    public static void Assign(torch.Tensor tensor, torch.Tensor other)
    {
        if (!LibtorchAbi.TryAssign(other.Handle, tensor.Handle))
        {
            throw new NotSupportedException("this libtorch can't put another tensor behind a handle");
        }
    }
}
