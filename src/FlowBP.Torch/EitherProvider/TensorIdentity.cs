// A module's parameter is an object that many hold: the module, an optimizer's table, an adapter. TorchSharp's Module.to puts
// other objects in their place and disposes the old ones, which leaves those tables with nothing. Here the object stays, and the
// tensor behind it is exchanged.

namespace FlowBP.Torch;

/// <summary>Exchanges the tensor behind an object.</summary>
public static class TensorIdentity
{
    /// <summary>
    /// Makes an object another tensor, so that whoever holds it sees the new one: its memory, type, device and shape, and whether
    /// it requires gradients. Nothing is copied; both objects share that tensor. Of a module's parameters it is followed by
    /// <see cref="NativeLayers.TakeParameters"/>.
    /// </summary>
    /// <param name="tensor">The object that changes.</param>
    /// <param name="other">What it becomes; it stays the caller's, to be disposed as ever.</param>
    /// <exception cref="ArgumentException">One of them was disposed.</exception>
    public static void Become(this torch.Tensor tensor, torch.Tensor other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (tensor.IsInvalid || other.IsInvalid)
        {
            throw new ArgumentException("a disposed tensor can't become another one, nor be what one becomes");
        }
        TensorHandles.Assign(tensor, other);
        GC.KeepAlive(tensor);
        GC.KeepAlive(other);
    }
}
