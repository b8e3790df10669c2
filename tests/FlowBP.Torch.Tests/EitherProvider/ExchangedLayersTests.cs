namespace FlowBP.Torch.Tests;

/// <summary>A layer computes with the tensor that its parameter has become, wherever it holds its weights.</summary>
public class ExchangedLayersTests
{
    [Test]
    public void An_embedding_looks_up_the_weights_that_its_parameter_has_become()
    {
        using var scope = torch.NewDisposeScope();
        using var layer = nn.Embedding(3, 2);
        var weight = layer.parameters().Single();
        weight.Become(torch.arange(6, dtype: ScalarType.Float64).reshape(3, 2).requires_grad_());
        NativeLayers.TakeParameters(layer);
        var found = layer.call(torch.tensor(new long[] { 2, 0 }));
        Assert.That(found.dtype, Is.EqualTo(ScalarType.Float64));
        Assert.That(found.detach().flatten().data<double>().ToArray(), Is.EqualTo(new double[] { 4, 5, 0, 1 }));
        found.sum().backward();
        var gradient = layer.parameters().Single().grad!;
        Assert.That(gradient.flatten().data<double>().ToArray(), Is.EqualTo(new double[] { 1, 1, 0, 0, 1, 1 }));
    }

    [Test]
    public void Layers_built_without_memory_compute_with_the_memory_they_get()
    {
        using var scope = torch.NewDisposeScope();
        torch.set_default_device(torch.META);
        nn.Module<Tensor, Tensor> layers;
        try
        {
            layers = nn.Sequential(nn.Embedding(3, 2), nn.Linear(2, 2), nn.LayerNorm(2));
        }
        finally
        {
            torch.set_default_device(torch.CPU);
        }
        layers.ToEmpty(torch.CPU, ScalarType.Float32);
        using (torch.no_grad())
        {
            foreach (var parameter in layers.parameters())
            {
                parameter.fill_(1);
            }
        }
        // Equal values have no variance: what is left of the norm is its bias.
        var result = layers.call(torch.tensor(new long[] { 1 }));
        Assert.That(result.detach().flatten().data<float>().ToArray(), Is.EqualTo(new float[] { 1, 1 }));
        layers.Dispose();
    }
}
