namespace FlowBP.Tests;

/// <summary>A tensor's elements, row by row.</summary>
internal static class TensorValues
{
    public static float[] Values(Tensor tensor) => tensor.detach().contiguous().data<float>().ToArray();

    public static double[] Numbers(Tensor tensor) =>
        tensor.detach().to(ScalarType.Float64).contiguous().data<double>().ToArray();
}
