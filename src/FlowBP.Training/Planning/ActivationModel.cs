// The phases of a step, each with the graph that it holds: rollout (none), reward (decoder and reward at once), pullback (the
// whole network, or a segment of blocks and the inputs of the others).

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
    private readonly ITracedTransformer transformer = request.Model.Transformer;
    private readonly Dictionary<TransformerInput, (long Image, long? Text, long Condition)[]> streamElements = [];

    /// <summary>Elements of the transformer's weights.</summary>
    public long TransformerParameters => Forward(1, new TraceOptions()).Parameters;

    /// <summary>Elements of the adapters of a rank, and the outputs of the adapted layers per token.</summary>
    /// <param name="rank">Rank.</param>
    public long AdapterParameters(int rank) =>
        Forward(1, new TraceOptions())
            .Linears.Where(linear => transformer.AdapterRoles.Contains(linear.Role))
            .Sum(linear => rank * (linear.Inputs + linear.Outputs));

    /// <summary>Elements of the largest block's weights.</summary>
    public long LargestBlock
    {
        get
        {
            var input = request.Model.Input(1, request.Resolution);
            return Enumerable
                .Range(0, transformer.Blocks)
                .Max(block =>
                {
                    var trace = new OperationTrace(new TraceOptions { Recording = false });
                    transformer.Block(trace, input, block, Streams(trace, input, block));
                    return trace.Parameters;
                });
        }
    }

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
        var (peak, inputs, largest) = (0L, stored, 0L);
        for (var i = segments.Count - 1; i >= 0; i--)
        {
            var segment = Segment(input, segments[i]);
            largest = Math.Max(largest, segment);
            peak = Math.Max(peak, inputs + segment);
            inputs -= i == 0 ? 0 : InputBytes(input, segments[i][0]);
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
            AdapterRoles = transformer.AdapterRoles,
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

    private long EmbeddingBytes(TransformerInput input)
    {
        var trace = new OperationTrace(Options);
        transformer.Embed(trace, input);
        return trace.LiveBytes;
    }

    private long Segment(TransformerInput input, int[] blocks)
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
    private TracedStreams Streams(OperationTrace trace, TransformerInput input, int block)
    {
        var (image, text, condition) = StreamElements(input)[block];
        return new(
            trace.Given(image, true),
            text is { } elements ? trace.Given(elements, true) : null,
            // Under an adapter nothing that is trained leads to the condition.
            trace.Given(condition, trace.Options.TrainsWeights)
        );
    }

    private (long Image, long? Text, long Condition)[] StreamElements(TransformerInput input)
    {
        if (!streamElements.TryGetValue(input, out var sizes))
        {
            var trace = new OperationTrace(new TraceOptions { Recording = false });
            var streams = transformer.Embed(trace, input);
            sizes = new (long, long?, long)[transformer.Blocks];
            for (var block = 0; block < sizes.Length; block++)
            {
                sizes[block] = (streams.Image.Elements, streams.Text?.Elements, streams.Condition.Elements);
                streams = transformer.Block(trace, input, block, streams);
            }
            streamElements[input] = sizes;
        }
        return sizes;
    }

    private long InputBytes(TransformerInput input, int block)
    {
        var streams = Streams(new OperationTrace(Options), input, block);
        return streams.Image.Bytes + (streams.Text?.Bytes ?? 0);
    }
}
