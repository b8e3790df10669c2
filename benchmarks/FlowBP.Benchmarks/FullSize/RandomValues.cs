// Billions of random weights in a moment: normal numbers are drawn once, on the CPU, and repeated on the device. Their number is
// prime, so that the rows of no matrix are equal, and each tensor goes on where the last one ended.

using FlowBP.RandomStreams;

namespace FlowBP.Benchmarks.FullSize;

internal sealed class RandomValues : IDisposable
{
    private const int Period = 1_048_573;

    private readonly Tensor _values;
    private long _next;

    /// <param name="device">Where tensors are filled.</param>
    internal RandomValues(Device device)
    {
        var values = new float[Period];
        RandomStream.For(seed: 0, step: 0, 0, RandomPurpose.Weights).FillNormal(values);
        using var scope = torch.NewDisposeScope();
        _values = torch.tensor(values).to(device).DetachFromDisposeScope();
    }

    /// <summary>Where tensors are filled.</summary>
    internal Device Device => _values.device;

    /// <summary>Overwrites a contiguous tensor.</summary>
    /// <param name="tensor">The tensor, of any floating type.</param>
    /// <param name="deviation">Standard deviation of its elements.</param>
    internal void Fill(Tensor tensor, double deviation)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var flat = tensor.detach().view(-1);
        for (long at = 0, length; at < flat.shape[0]; at += length)
        {
            length = Math.Min(Period - _next, flat.shape[0] - at);
            flat.narrow(0, at, length).copy_(_values.narrow(0, _next, length));
            _next = (_next + length) % Period;
        }
        flat.mul_(deviation);
    }

    /// <summary>A new tensor of standard normal numbers in float32.</summary>
    /// <param name="shape">Its shape.</param>
    internal Tensor Normal(params long[] shape)
    {
        var tensor = torch.empty(shape, ScalarType.Float32, Device);
        Fill(tensor, 1);
        return tensor;
    }

    public void Dispose() => _values.Dispose();
}
