// The image side of a two-tower reward: preprocessing, vision transformer, cosine. Text vectors are computed without a graph.

namespace FlowBP.Families.Tracing;

/// <summary>Sizes of a two-tower reward.</summary>
internal sealed record ClipRewardShape
{
    public required string Name { get; init; }
    public required long VisionWidth { get; init; }
    public required long VisionLayers { get; init; }
    public required long VisionHeads { get; init; }
    public required long VisionHidden { get; init; }
    public required long ImageSize { get; init; }
    public required long PatchSize { get; init; }
    public required long EmbedDim { get; init; }

    /// <summary>Whether activations are x·sigmoid(1.702·x), composed of three operations.</summary>
    public required bool QuickGelu { get; init; }

    /// <summary>Whether q, k and v are one projection.</summary>
    public required bool PackedProjection { get; init; }

    /// <summary>Parameters of both towers.</summary>
    public required long Parameters { get; init; }
}

/// <summary>A reward on paper.</summary>
/// <param name="shape">Its sizes.</param>
internal sealed class TracedClipReward(ClipRewardShape shape)
{
    private readonly long width = shape.VisionWidth;

    /// <summary>Scores of images in [0, 1].</summary>
    /// <param name="trace">The computation.</param>
    /// <param name="pixels">Images.</param>
    /// <param name="side">Pixels per side.</param>
    public TracedTensor Score(OperationTrace trace, TracedTensor pixels, long side)
    {
        trace.BeginScope();
        trace.BeginScope();
        var images = trace.Images;
        var prepared = pixels;
        if (side != shape.ImageSize)
        {
            var rows = images * 3 * shape.ImageSize * side;
            var square = images * 3 * shape.ImageSize * shape.ImageSize;
            prepared = trace.Resize(prepared, rows, 2.0 * rows * side);
            prepared = trace.Resize(prepared, square, 2.0 * square * side);
        }
        prepared = trace.Scale(trace.Scale(prepared));
        trace.EndScope(prepared);
        trace.BeginScope();
        var places = shape.ImageSize / shape.PatchSize * (shape.ImageSize / shape.PatchSize);
        var patches = trace.Convolution(
            prepared,
            3,
            width,
            shape.PatchSize,
            shrink: shape.PatchSize * shape.PatchSize,
            bias: false
        );
        var x = trace.Concatenate(trace.Given(images * width), patches);
        x = trace.LayerNorm(trace.AddWeight(x, (places + 1) * width), width, affine: true);
        for (var layer = 0; layer < shape.VisionLayers; layer++)
        {
            x = Block(trace, x);
        }
        var first = trace.LayerNorm(trace.Part(x, images * width), width, affine: true);
        var embedding = trace.Linear(first, width, shape.EmbedDim, bias: false);
        trace.EndScope(embedding);
        var score = trace.Part(trace.Multiply(embedding, trace.Given(embedding.Elements)), images);
        trace.EndScope(score);
        return score;
    }

    private TracedTensor Block(OperationTrace trace, TracedTensor x)
    {
        trace.BeginScope();
        var normed = trace.LayerNorm(x, width, affine: true);
        TracedTensor q,
            k,
            v;
        if (shape.PackedProjection)
        {
            var all = trace.Linear(normed, width, 3 * width);
            (q, k, v) = (trace.Part(all, x.Elements), trace.Part(all, x.Elements), trace.Part(all, x.Elements));
        }
        else
        {
            q = trace.Linear(normed, width, width);
            k = trace.Linear(normed, width, width);
            v = trace.Linear(normed, width, width);
        }
        var heads = trace.Images * shape.VisionHeads;
        var attended = trace.Copy(trace.Attention(q, k, v, heads, width / shape.VisionHeads, strided: true));
        var h = trace.Add(x, trace.Linear(attended, width, width));
        var inner = trace.Linear(trace.LayerNorm(h, width, affine: true), width, shape.VisionHidden);
        var active = shape.QuickGelu ? trace.QuickGelu(inner) : trace.Activation(inner);
        var sum = trace.Add(h, trace.Linear(active, shape.VisionHidden, width));
        trace.EndScope(sum);
        return sum;
    }
}
