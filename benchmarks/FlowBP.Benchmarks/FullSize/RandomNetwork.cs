// A network with random weights that needs no file and no other memory than its own: built without memory, then given memory on
// the device in the type it is wanted in. The scales keep activations of every depth near 1, where a trained network has them too.

using FlowBP.Families.Inspection;

namespace FlowBP.Benchmarks.FullSize;

internal static class RandomNetwork
{
    // Below 1: residual streams add up, and the gates of a random modulation are not small.
    private const double Gain = 0.7;
    private const double TableDeviation = 0.5;

    /// <summary>Builds and fills a network.</summary>
    /// <param name="values">What it is filled with; its device is the network's.</param>
    /// <param name="type">Type of the weights.</param>
    /// <param name="make">Its constructor.</param>
    internal static T Build<T>(RandomValues values, ScalarType type, Func<T> make)
        where T : nn.Module
    {
        var network = MetaNetwork.Build(make).ToEmpty(values.Device, type);
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        foreach (var (name, parameter) in network.named_parameters())
        {
            Fill(values, name, parameter);
        }
        foreach (var (name, buffer) in network.named_buffers())
        {
            FillBuffer(values, name, buffer);
        }
        return network;
    }

    // Matrices and kernels: normal, 1/√inputs; biases 0; what is left is the scales of norms: 1.
    private static void Fill(RandomValues values, string name, Tensor parameter)
    {
        if (parameter.ndim > 1)
        {
            var inputs = parameter.numel() / parameter.shape[0];
            values.Fill(parameter, Gain / Math.Sqrt(inputs));
        }
        else
        {
            parameter.fill_(name.EndsWith("bias", StringComparison.Ordinal) ? 0 : 1);
        }
    }

    // A table of positions has values of sines; a mean is 0, a variance 1, a count 0.
    private static void FillBuffer(RandomValues values, string name, Tensor buffer)
    {
        if (buffer.ndim > 1)
        {
            values.Fill(buffer, TableDeviation);
        }
        else
        {
            buffer.fill_(name.EndsWith("var", StringComparison.Ordinal) ? 1 : 0);
        }
    }
}
