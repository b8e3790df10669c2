// The phases of a step, each with the graph that it holds: rollout (none), reward (decoder and reward at once), pullback (the
// whole network, or a segment of blocks and the inputs of the others).

using FlowBP.Families.Networks;
using FlowBP.Families.Tracing;

namespace FlowBP.Training.Planning;

/// <summary>What a pullback holds.</summary>
/// <param name="PeakBytes">All of it at its largest: activations, stored inputs, gradients in flight.</param>
/// <param name="StoredInputBytes">Inputs of the segments.</param>
/// <param name="SegmentBytes">The largest segment's graph, gradients in flight included.</param>
internal readonly record struct PullbackBytes(long PeakBytes, long StoredInputBytes, long SegmentBytes);

/// <summary>Activations and operations of the phases.</summary>
/// <param name="request">The run.</param>
internal sealed class ActivationModel(PlanRequest request)
{
    private readonly TracedNetwork transformer = request.Model.Network;
    private readonly Dictionary<TokenCounts, TokenStreams<TracedTensor>[]> inputs = [];

    /// <summary>Elements of the transformer's weights.</summary>
    public long TransformerParameters => transformer.Parameters;

    /// <summary>Elements of the adapters of a rank.</summary>
    /// <param name="rank">Rank.</param>
    public long AdapterParameters(int rank) => transformer.AdapterParameters(rank);

    /// <summary>Elements of the largest block's weights.</summary>
    public long LargestBlock => transformer.LargestBlock;

    /// <summary>An evaluation without gradients.</summary>
    /// <param name="samples">Samples at once, both branches of guidance counted.</param>
    public long RolloutBytes(long samples) => Forward(samples, Options with { Recording = false }).PeakBytes;

    /// <summary>Operations of an evaluation of one sample.</summary>
    public double ForwardFlops => Forward(1, Options with { Recording = false }).ForwardFlops;

    /// <summary>Operations of pulling one sample back, without any forward.</summary>
    public double BackwardFlops
    {
        get
        {
            var trace = new OperationTrace(Options);
            trace.Backward(transformer.Forward(trace, request.Model.Input(1, request.Resolution)));
            return trace.BackwardFlops;
        }
    }

    /// <summary>Inputs of all segments of one sample but the first, which the embedding gives.</summary>
    public long KeptInputBytes =>
        Segments().Skip(1).Sum(segment => InputBytes(request.Model.Input(1, request.Resolution), segment[0]));

    /// <summary>Decoding and scoring images, and the gradient down to their latents.</summary>
    /// <param name="images">Images at once.</param>
    public OperationTrace Reward(long images)
    {
        var trace = new OperationTrace(
            new TraceOptions
            {
                ElementBytes = request.FrozenBytes,
                TrainsWeights = false,
                FusedAttention = request.FusedAttention,
                Images = images,
            }
        );
        var latents = trace.Made(images * request.Model.LatentElements(request.Resolution), true, sizeof(float));
        var pixels = request.Model.Decoder.Pixels(
            trace,
            trace.Cast(latents, request.FrozenBytes),
            request.RecomputesDecode
        );
        trace.Backward(request.Model.Reward.Score(trace, pixels, request.Resolution));
        return trace;
    }

    /// <summary>A vector-Jacobian product.</summary>
    /// <param name="samples">Samples at once.</param>
    public PullbackBytes Pullback(long samples)
    {
        var input = request.Model.Input(samples, request.Resolution);
        var segments = Segments();
        // All inputs exist when the last segment is pulled back; they go as the segments do.
        var stored = segments.Skip(1).Sum(segment => InputBytes(input, segment[0]));
        var (peak, held, largest) = (0L, stored, 0L);
        for (var i = segments.Count - 1; i >= 0; i--)
        {
            var segment = Segment(input, segments[i]);
            largest = Math.Max(largest, segment);
            peak = Math.Max(peak, held + segment);
            held -= i == 0 ? 0 : InputBytes(input, segments[i][0]);
        }
        return new(peak + EmbeddingBytes(input), stored, largest);
    }

    private TraceOptions Options =>
        new()
        {
            ElementBytes = request.ComputeBytes,
            FusedAttention = request.FusedAttention,
            WeightGradientBytes = request.ComputeBytes,
            TrainsWeights = request.LoraRank is null,
            AdapterRank = request.LoraRank,
            // The gradients of a segment's weights are handed on together, when all of them are there.
            WeightGradientsExist = false,
        };

    private List<int[]> Segments() =>
        [
            .. Enumerable
                .Range(0, transformer.Blocks)
                .Chunk(Math.Min(request.SegmentBlocks ?? int.MaxValue, transformer.Blocks)),
        ];

    private OperationTrace Forward(long samples, TraceOptions options)
    {
        var trace = new OperationTrace(options);
        transformer.Forward(trace, request.Model.Input(samples, request.Resolution));
        return trace;
    }

    private long EmbeddingBytes(TokenCounts input)
    {
        var trace = new OperationTrace(Options);
        transformer.Embed(trace, input);
        return trace.LiveBytes;
    }

    private long Segment(TokenCounts input, int[] blocks)
    {
        var trace = new OperationTrace(Options);
        var streams = Streams(trace, input, blocks[0]);
        foreach (var block in blocks)
        {
            streams = transformer.Block(trace, input, block, streams);
        }
        if (blocks[^1] == transformer.Blocks - 1)
        {
            trace.Backward(transformer.Head(trace, input, streams));
        }
        else
        {
            trace.Backward(streams.Image, streams.Text);
        }
        return trace.PeakBytes;
    }

    // What a block receives, as leaves of a graph of its own.
    private TokenStreams<TracedTensor> Streams(OperationTrace trace, TokenCounts input, int block)
    {
        var received = InputsOf(input)[block];
        return new(
            Leaf(received.Image, true),
            received.Text is { } text ? Leaf(text, true) : null,
            // Under an adapter nothing that is trained leads to the condition.
            [.. received.Shared.Select(shared => Leaf(shared, trace.Options.TrainsWeights))]
        );

        TracedTensor Leaf(TracedTensor of, bool needsGradient) =>
            trace.Given(of.Elements, needsGradient).As(of.Width, of.IsStrided);
    }

    private TokenStreams<TracedTensor>[] InputsOf(TokenCounts input)
    {
        if (!inputs.TryGetValue(input, out var streams))
        {
            var trace = new OperationTrace(new TraceOptions { Recording = false });
            streams = new TokenStreams<TracedTensor>[transformer.Blocks];
            var next = transformer.Embed(trace, input);
            for (var block = 0; block < streams.Length; block++)
            {
                streams[block] = next;
                next = transformer.Block(trace, input, block, next);
            }
            inputs[input] = streams;
        }
        return streams;
    }

    private long InputBytes(TokenCounts input, int block)
    {
        var streams = Streams(new OperationTrace(Options), input, block);
        return streams.Image.Bytes + (streams.Text?.Bytes ?? 0);
    }
}
