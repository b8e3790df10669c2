// A transformer's operations on paper: each one recorded as TensorOperations composes it, with the sizes that it would have.

using FlowBP.Models.Transformers;

namespace FlowBP.Families.Tracing;

/// <summary>What goes into a transformer.</summary>
/// <param name="Samples">Samples at once.</param>
/// <param name="ImageTokens">Image tokens of a sample.</param>
/// <param name="TextTokens">Text tokens of a sample.</param>
internal sealed record TokenCounts(long Samples, long ImageTokens, long TextTokens);

/// <summary>Operations that are recorded.</summary>
/// <param name="trace">What records them.</param>
/// <param name="samples">Samples at once.</param>
/// <param name="isRotary">Whether positions are rotations of queries and keys.</param>
/// <param name="adapted">The layers that adapters are beside, where the trace has adapters.</param>
internal sealed class TracedOperations(OperationTrace trace, long samples, bool isRotary, IReadOnlySet<Linear> adapted)
    : INetworkOperations<TracedTensor>
{
    private readonly Stack<List<TracedTensor>> scopes = [];

    public IDisposable Scope()
    {
        trace.BeginScope();
        scopes.Push([]);
        return new ScopeEnd(this);
    }

    public TracedTensor Keep(TracedTensor x)
    {
        scopes.Peek().Add(x);
        return x;
    }

    public TracedTensor Contiguous(TracedTensor x) => x;

    public TracedTensor Linear(Linear layer, TracedTensor x) =>
        trace
            .Linear(
                x,
                layer.in_features,
                layer.out_features,
                layer.bias is not null,
                x.IsStrided,
                adapted.Contains(layer)
            )
            .As(layer.out_features);

    public TracedTensor Silu(TracedTensor x) => trace.Activation(x).As(x.Width);

    public TracedTensor GeluTanh(TracedTensor x) => trace.Activation(x).As(x.Width);

    public TracedTensor SwiGlu(TracedTensor x)
    {
        var half = x.Elements / 2;
        return trace.Multiply(trace.Activation(trace.Part(x, half)), trace.Part(x, half)).As(x.Width / 2);
    }

    public TracedTensor Add(TracedTensor a, TracedTensor b) => trace.Add(a, b).As(a.Width, isStrided: a.IsStrided);

    public TracedTensor Encoded(TracedTensor scalar_B, int width, Func<Tensor, Tensor> encode) =>
        trace.Given(samples * width).As(width);

    // The patches' convolution leaves the stream channel by channel, and every sum keeps that order.
    public TracedTensor Patches(Conv2d layer, TracedTensor latents_BCYX, Func<long, long, Tensor> positions)
    {
        var (outputs, inputs, side) = (layer.weight!.size(0), layer.weight.size(1), layer.weight.size(2));
        var patches = trace.Convolution(latents_BCYX, inputs, outputs, side, shrink: side * side);
        return trace.Add(patches, trace.Made(patches.Elements / samples)).As(outputs, isStrided: true);
    }

    public TracedTensor Reordered(TracedTensor x, Func<Tensor, Tensor> order) => trace.Copy(x);

    public TracedTensor Mapped(TracedTensor x, Func<Tensor, Tensor> function) => trace.Activation(x).As(x.Width);

    public long TokensOf(TracedTensor x_BND) => x_BND.Elements / x_BND.Width / samples;

    public TracedTensor Tokens(TracedTensor x_BND, long first, long count) =>
        trace.Part(x_BND, samples * count * x_BND.Width).As(x_BND.Width, isStrided: true);

    public TracedTensor Columns(TracedTensor x_BND, long first, long count) =>
        trace.Part(x_BND, x_BND.Elements / x_BND.Width * count).As(count);

    public TracedTensor Concatenate(TracedTensor a, TracedTensor b, int dimension) =>
        trace.Concatenate(a, b).As(dimension == 1 ? a.Width : a.Width + b.Width);

    public Normed<TracedTensor> Norm(TracedTensor x_BLD, double epsilon) =>
        new(trace.LayerNorm(x_BLD, x_BLD.Width, strided: x_BLD.IsStrided).As(x_BLD.Width), epsilon);

    public Modulation<TracedTensor> Modulation(TracedTensor all_BE, int parts) => new(all_BE, []);

    public TracedTensor Modulated(Normed<TracedTensor> x, Modulation<TracedTensor> by, int shift, int scale)
    {
        var part = samples * x.Value.Width;
        var factor = trace.Scale(trace.Part(by.All, part));
        return trace.Add(trace.Multiply(x.Value, factor), trace.Part(by.All, part)).As(x.Value.Width);
    }

    public TracedTensor Gated(
        TracedTensor stream_BLD,
        Modulation<TracedTensor> by,
        int gate,
        TracedTensor update_BLD
    ) => Add(stream_BLD, trace.Multiply(update_BLD, trace.Part(by.All, samples * stream_BLD.Width)));

    public TracedTensor Heads(ReadOnlySpan<HeadSource<TracedTensor>> sources, int heads, bool turns)
    {
        TracedTensor? all = null;
        foreach (var source in sources)
        {
            var part = source.Width is { } width ? Columns(source.Projection, source.Column, width) : source.Projection;
            var split = source.Norm is null ? part : trace.RmsNorm(part, part.Width / heads).As(part.Width);
            all = all is null ? split : Concatenate(all, split, dimension: 1);
        }
        var isTurned = turns && isRotary;
        // Heads of one projection lie apart, unless something copies them.
        return (isTurned ? Rotated(all!) : all!).As(all!.Width, isStrided: sources.Length == 1 && !isTurned);
    }

    public TracedTensor Attention(TracedTensor q_BHNK, TracedTensor k_BHNK, TracedTensor v_BHNK, int heads) =>
        trace
            .Copy(
                trace.Attention(
                    q_BHNK,
                    k_BHNK,
                    v_BHNK,
                    samples * heads,
                    q_BHNK.Width / heads,
                    strided: k_BHNK.IsStrided
                )
            )
            .As(q_BHNK.Width);

    // x·cos + rotated x·sin, in float32: the tables are constants, so nothing but them is kept.
    private TracedTensor Rotated(TracedTensor x)
    {
        var wide = trace.Cast(x, Math.Max(x.ElementBytes, sizeof(float)));
        return trace.Cast(trace.Add(trace.Scale(wide), trace.Scale(trace.Scale(wide))), x.ElementBytes);
    }

    private sealed class ScopeEnd(TracedOperations operations) : IDisposable
    {
        public void Dispose() => operations.EndScope();
    }

    private void EndScope() => trace.EndScope([.. scopes.Pop()]);
}
