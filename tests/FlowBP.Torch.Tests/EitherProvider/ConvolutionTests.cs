namespace FlowBP.Torch.Tests;

/// <summary>
/// Convolutions on this processor, whatever library makes them: values and gradients in float32 are those in float64. A library whose
/// vectors are not filled by the channels has been seen to leave some of them out.
/// </summary>
public class ConvolutionTests
{
    [Test]
    public void Values_and_gradients_are_right_for_channels_that_fill_vectors_and_that_do_not(
        [Values(1, 3, 4)] int kernel,
        [Values(1, 2)] int stride,
        [Values(2, 16)] int pictures
    )
    {
        using var scope = torch.NewDisposeScope();
        foreach (var inputs in s_channels)
        {
            foreach (var outputs in s_channels)
            {
                Check(inputs, outputs, kernel, stride, pictures);
            }
        }
    }

    private static readonly int[] s_channels = [3, 4, 12, 20, 24, 40, 48];

    private static void Check(int inputs, int outputs, int kernel, int stride, int pictures)
    {
        using var scope = torch.NewDisposeScope();
        var picture_BCYX = Sample([pictures, inputs, 8, 8], 1);
        var weight = Sample([outputs, inputs, kernel, kernel], 2);
        var expected = Results(picture_BCYX, weight, stride, ScalarType.Float64);
        var found = Results(picture_BCYX, weight, stride, ScalarType.Float32);
        for (var i = 0; i < expected.Length; i++)
        {
            var error = (found[i].to(ScalarType.Float64) - expected[i]).abs().max().item<double>();
            var largest = expected[i].abs().max().item<double>();
            Assert.That(
                error,
                Is.LessThan(1e-5 * largest),
                $"{s_results[i]}: {inputs} to {outputs} channels, kernel {kernel}, stride {stride}, {pictures} pictures"
            );
        }
    }

    // Numbers without pattern between -1 and 1.
    private static Tensor Sample(long[] shape, int seed)
    {
        var random = new Random(seed);
        var count = shape.Aggregate(1L, (product, size) => product * size);
        double[] values = [.. Enumerable.Range(0, (int)count).Select(_ => (random.NextDouble() * 2) - 1)];
        return torch.tensor(values, shape);
    }

    private static readonly string[] s_results = ["values", "gradient of the input", "gradient of the weight"];

    private static Tensor[] Results(Tensor picture_BCYX, Tensor weight, int stride, ScalarType type)
    {
        var layer = nn.Conv2d(
            weight.shape[1],
            weight.shape[0],
            weight.shape[2],
            stride: stride,
            padding: 1,
            bias: false
        );
        layer.to(type);
        using (torch.no_grad())
        {
            layer.weight!.copy_(weight);
        }
        var input = picture_BCYX.detach().to(type).requires_grad_();
        var output = layer.forward(input);
        (output * output).sum().backward();
        return [output.detach(), input.grad!, layer.weight!.grad!];
    }
}
