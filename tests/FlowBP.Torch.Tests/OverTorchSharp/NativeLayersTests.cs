namespace FlowBP.Torch.Tests;

/// <summary>TorchSharp's layers whose weights libtorch holds as well, and gives nobody.</summary>
public class NativeLayersTests
{
    private static readonly Func<nn.Module>[] s_layers =
    [
        () => nn.EmbeddingBag(3, 2),
        () => nn.RNN(2, 2),
        () => nn.LSTM(2, 2),
        () => nn.GRU(2, 2),
        () => nn.RNNCell(2, 2),
        () => nn.LSTMCell(2, 2),
        () => nn.GRUCell(2, 2),
    ];

    [TestCaseSource(nameof(s_layers))]
    public void They_are_refused_by_name(Func<nn.Module> make)
    {
        using var layer = make();
        Assert.That(
            () => NativeLayers.TakeParameters(layer),
            Throws.TypeOf<NotSupportedException>().With.Message.Contains(layer.GetName())
        );
    }
}
