// A few of TorchSharp's layers compute in libtorch, with a second handle to their weights there. Exchanging the tensor behind the
// managed one (TensorIdentity) does not reach it, so those layers are told.

using TorchSharp.Modules;

namespace FlowBP.Torch;

/// <summary>Layers whose weights are held a second time by libtorch.</summary>
public static class NativeLayers
{
    /// <summary>
    /// A table whose rows are looked up by index. While new tensors go to the <c>meta</c> device it has no memory: TorchSharp's own
    /// takes and fills it first, of whatever size, and gives it back then.
    /// </summary>
    /// <param name="rows">Rows.</param>
    /// <param name="width">Numbers per row.</param>
    /// <param name="dtype">Their type; null: the default.</param>
    /// <returns>The layer, with a weight of [rows, width].</returns>
    public static Embedding Embedding(long rows, long width, torch.ScalarType? dtype = null)
    {
        if (torch.get_default_device().type != DeviceType.META)
        {
            return torch.nn.Embedding(rows, width, dtype: dtype);
        }
        var layer = torch.nn.Embedding(1, 1, dtype: dtype);
        layer.weight = new Parameter(torch.empty([rows, width], dtype));
        return layer;
    }

    /// <summary>Has every such layer compute with the parameters that the module lists.</summary>
    /// <param name="module">The module.</param>
    /// <exception cref="NotSupportedException">It has a layer that can't be told.</exception>
    public static void TakeParameters(torch.nn.Module module)
    {
        foreach (var layer in module.modules().Append(module))
        {
            switch (layer)
            {
                case Embedding embedding:
                    embedding.weight = embedding.get_parameter("weight")!;
                    break;
                case EmbeddingBag or RNN or LSTM or GRU or RNNCell or LSTMCell or GRUCell:
                    throw new NotSupportedException(
                        $"the weights of {layer.GetName()} can't be exchanged: TorchSharp holds them in libtorch as well"
                    );
            }
        }
    }
}
