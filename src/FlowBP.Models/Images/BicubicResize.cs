// Antialiased bicubic resizing, as Pillow and torchvision do it: the cubic kernel (a = −1/2) is stretched by the factor
// of reduction, so that every input pixel counts. It is linear and separable, hence two small matrix products, which
// differentiate themselves: out = W_y · image · W_xᵀ. (libtorch has the operator too, but in versions only that are newer
// than those this project runs on, and the matrices are shared by every image of a size.)
//
// Shapes: B batch, C channels, Y X pixels.

using System.Collections.Concurrent;

namespace FlowBP.Models.Images;

/// <summary>Differentiable antialiased bicubic resizing.</summary>
public static class BicubicResize
{
    private static readonly ConcurrentDictionary<(int From, int To), float[]> Weights = new();

    /// <summary>Resizes images; the result is not clamped and may overshoot the input's range slightly.</summary>
    /// <param name="image_BCYX">Images of any floating-point type.</param>
    /// <param name="height">Output rows.</param>
    /// <param name="width">Output columns.</param>
    /// <returns>[B, C, height, width].</returns>
    /// <exception cref="ArgumentException">These are no pictures of real numbers.</exception>
    public static Tensor Resize(Tensor image_BCYX, int height, int width)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        using var scope = torch.NewDisposeScope();
        var shape = image_BCYX.shape;
        if (shape.Length != 4 || image_BCYX.numel() == 0 || !torch.is_floating_point(image_BCYX.dtype))
        {
            throw new ArgumentException(
                $"found pictures of {image_BCYX.dtype} [{string.Join(", ", shape)}], expected real numbers [B, C, Y, X]"
            );
        }
        var rows = Matrix((int)shape[^2], height, image_BCYX);
        var columns = Matrix((int)shape[^1], width, image_BCYX);
        var resized_BCXY = F.linear(image_BCYX.transpose(2, 3), rows);
        return F.linear(resized_BCXY.transpose(2, 3), columns).MoveToOuterDisposeScope();
    }

    /// <summary>The matrix, row-major [to, from], that resizes one axis. Its rows sum to one.</summary>
    /// <param name="from">Input length.</param>
    /// <param name="to">Output length.</param>
    public static ReadOnlySpan<float> AxisWeights(int from, int to) =>
        Weights.GetOrAdd((from, to), static key => Compute(key.From, key.To));

    private static Tensor Matrix(int from, int to, Tensor like) =>
        torch.tensor(AxisWeights(from, to).ToArray()).reshape(to, from).to(like.device).to_type(like.dtype);

    // In float32 like torchvision: at a ratio such as 512/224 the rounding of the centres shows in the fifth digit, and
    // agreeing with the network's training matters more than being closer to the kernel.
    private static float[] Compute(int from, int to)
    {
        var matrix = new float[to * from];
        var scale = (float)from / to;
        var stretch = Math.Max(scale, 1);
        var support = 2 * stretch;
        for (var i = 0; i < to; i++)
        {
            var center = scale * (i + 0.5f);
            var first = Math.Max((int)(center - support + 0.5f), 0);
            var end = Math.Min((int)(center + support + 0.5f), from);
            float sum = 0;
            for (var j = first; j < end; j++)
            {
                var weight = Cubic((j - center + 0.5f) * (1 / stretch));
                matrix[i * from + j] = weight;
                sum += weight;
            }
            for (var j = first; j < end; j++)
            {
                matrix[i * from + j] /= sum;
            }
        }
        return matrix;
    }

    private static float Cubic(float x)
    {
        const float a = -0.5f;
        x = Math.Abs(x);
        return x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1
            : x < 2 ? (((x - 5) * x + 8) * x - 4) * a
            : 0;
    }
}
