// Gradient checkpointing as a velocity field. A pullback runs the blocks forward without autograd and stores what goes into
// each segment, then takes the segments from the last to the first: recompute one with autograd, pull the cotangent back
// through it, free it. At any time one segment's graph is alive, and the inputs of those before it.
//
// Three things are unusual. The head belongs to the last segment, whose forward therefore happens once. The embedding's graph
// is kept through all of it, because it is small and its outputs are needed anyway: the gradients of what all blocks share
// add up (in float32 at least) and go through it once, at the end. And plain autograd is no code of its own: it is the case of one segment.
// Shape legend: B batch, n kept samples, … the dimensions of one latent.

namespace FlowBP.Surrogates;

/// <summary>The velocity field of a network that can be pulled back block by block.</summary>
/// <param name="network">The network.</param>
/// <param name="checkpointing">How it is cut up; null: <see cref="GradientCheckpointing.Blocks"/>.</param>
/// <param name="gradients">
/// Where the gradients of the parameters go; null: to the <c>grad</c> of the leaves (<see cref="LeafGradients"/>).
/// </param>
public sealed class BlockwiseVelocityField(
    IBlockwiseNetwork network,
    GradientCheckpointing? checkpointing = null,
    IParameterGradients? gradients = null
) : IVelocityField
{
    private readonly GradientCheckpointing checkpointing = checkpointing ?? GradientCheckpointing.Blocks;
    private readonly IReadOnlyList<NetworkBlock> blocks = network.Blocks;
    private readonly Lock deciding = new();

    // 0: not decided. One word, so that who reads it beside a decision sees the old value or the new one, whole.
    private volatile int every;

    /// <summary>Where the gradients of the parameters go.</summary>
    public IParameterGradients Gradients { get; } = gradients ?? LeafGradients.Instance;

    /// <summary>
    /// Blocks of a segment; of an automatic choice, once it was made at the first evaluation or pullback (null before).
    /// </summary>
    public int? SegmentBlocks =>
        checkpointing is GradientCheckpointing.EveryBlocks fixedCount ? Math.Min(fixedCount.Count, blocks.Count)
        : every is > 0 and var decided ? decided
        : null;

    /// <inheritdoc/>
    /// <remarks>A network that is one segment has no inputs to keep.</remarks>
    public bool KeepsForward => SegmentBlocks is not { } length || length < blocks.Count;

    /// <inheritdoc/>
    public void Prepare(Tensor x_B, Tensor sigma_B, Conditioning conditioning) => Decide(x_B, sigma_B, conditioning);

    /// <inheritdoc/>
    public Tensor Evaluate(Tensor x_B, Tensor sigma_B, Conditioning conditioning, ForwardTrace? trace = null)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        Segments? segments = trace is null ? null : new Segments(blocks.Count, Decide(x_B, sigma_B, conditioning));
        List<IReadOnlyList<Tensor>> kept = [];
        try
        {
            var streams = network.Embed(x_B, sigma_B, conditioning);
            for (var block = 0; block < blocks.Count; block++)
            {
                if (block > 0 && segments?.Begins(block) == true)
                {
                    kept.Add(Copies(streams.Moving, trace!.Rows));
                }
                var next = Advance(block, streams);
                Free(streams.Moving);
                streams = next;
            }
            var velocity_B = network.Head(streams, x_B.shape).MoveToOuterDisposeScope();
            if (trace is not null)
            {
                trace.Kept = new(kept);
            }
            return velocity_B;
        }
        catch
        {
            // What is kept outlives every scope.
            kept.ForEach(Free);
            throw;
        }
    }

    private static List<Tensor> Copies(IReadOnlyList<Tensor> streams, IReadOnlyList<int> rows)
    {
        using var made = new DetachedTensors();
        List<Tensor> copies = [.. streams.Select(stream => made.Add(KeptForward.Copy(stream, rows)))];
        made.Finish();
        return copies;
    }

    /// <inheritdoc/>
    public Tensor? Vjp(
        Tensor x_B,
        Tensor sigma_B,
        Conditioning conditioning,
        Tensor cotangent_B,
        bool wantInputGradient,
        KeptForward? kept = null,
        IParameterGradients? gradients = null
    )
    {
        gradients ??= Gradients;
        using var scope = torch.NewDisposeScope();
        using var withGrad = torch.enable_grad();
        var segments = new Segments(blocks.Count, Decide(x_B, sigma_B, conditioning));
        if (kept is not null && kept.States.Count != segments.Count - 1)
        {
            throw new ArgumentException(
                $"the kept forward has {kept.States.Count + 1} segments, the pullback {segments.Count}",
                nameof(kept)
            );
        }
        var input_B = x_B.detach().requires_grad_(wantInputGradient);
        var embedded = network.Embed(input_B, sigma_B, conditioning);
        var shared = new SharedGradients(embedded.Shared);
        var inputs = kept is null ? Inputs(segments, embedded) : [embedded.Moving, .. kept.States];
        IReadOnlyList<Tensor?> cotangents = [cotangent_B];
        for (var segment = segments.Count - 1; segment >= 0; segment--)
        {
            var pulled = PullSegment(
                segments,
                segment,
                x_B.shape,
                embedded,
                inputs[segment],
                shared,
                cotangents,
                gradients
            );
            // The caller's own is the first; the others are as large as a block's input and of no use any more.
            if (segment < segments.Count - 1)
            {
                Free([.. cotangents.OfType<Tensor>()]);
            }
            cotangents = pulled;
            if (segment > 0 && kept is null)
            {
                Free(inputs[segment]);
            }
        }
        return PullEmbedding(embedded, cotangents, shared, wantInputGradient ? input_B : null, gradients)
            ?.MoveToOuterDisposeScope();
    }

    // The inputs of the segments: the embedding's streams, then what a forward without autograd finds. The last segment is not run.
    private List<IReadOnlyList<Tensor>> Inputs(Segments segments, BlockStreams embedded)
    {
        using var noGrad = torch.no_grad();
        List<IReadOnlyList<Tensor>> inputs = [embedded.Moving];
        var streams = embedded;
        for (var block = 0; block < segments.Start(segments.Count - 1); block++)
        {
            var next = Advance(block, streams);
            if (!segments.Begins(block))
            {
                Free(streams.Moving);
            }
            if (segments.Begins(block + 1))
            {
                inputs.Add(next.Moving);
            }
            streams = next;
        }
        return inputs;
    }

    // Cotangents of a segment's input from those of its output.
    private IReadOnlyList<Tensor?> PullSegment(
        Segments segments,
        int segment,
        long[] latentShape,
        BlockStreams embedded,
        IReadOnlyList<Tensor> inputs,
        SharedGradients shared,
        IReadOnlyList<Tensor?> cotangents,
        IParameterGradients gradients
    )
    {
        using var scope = torch.NewDisposeScope();
        var isLast = segment == segments.Count - 1;
        Tensor[] moving = [.. inputs.Select(input => input.detach().requires_grad_())];
        var sharedLeaves = shared.Leaves();
        var streams = embedded with { Moving = moving, Shared = sharedLeaves };
        List<Tensor> parameters = [];
        for (var i = segments.Start(segment); i < segments.End(segment); i++)
        {
            streams = streams with { Moving = blocks[i].Apply(streams) };
            parameters.AddRange(blocks[i].Parameters);
        }
        var outputs = streams.Moving;
        if (isLast)
        {
            outputs = [network.Head(streams, latentShape)];
            parameters.AddRange(network.HeadParameters);
        }
        var pulled = Pullbacks.Pull(outputs, cotangents, [.. moving, .. sharedLeaves], parameters, gradients);
        shared.Add(pulled[moving.Length..]);
        return [.. pulled[..moving.Length].Select(gradient => gradient?.MoveToOuterDisposeScope())];
    }

    private Tensor? PullEmbedding(
        BlockStreams embedded,
        IReadOnlyList<Tensor?> cotangents,
        SharedGradients shared,
        Tensor? input_B,
        IParameterGradients gradients
    )
    {
        var pulled = Pullbacks.Pull(
            [.. embedded.Moving, .. embedded.Shared],
            [.. cotangents, .. shared.Sums],
            input_B is null ? [] : [input_B],
            network.EmbedParameters,
            gradients
        );
        // A field that ignores x leaves no gradient there.
        return input_B is null ? null : pulled[0] ?? torch.zeros_like(input_B);
    }

    // One block without autograd; what it makes on the way is freed.
    private BlockStreams Advance(int block, BlockStreams streams)
    {
        using var scope = torch.NewDisposeScope();
        var moving = blocks[block].Apply(streams);
        return streams with { Moving = [.. moving.Select(stream => stream.MoveToOuterDisposeScope())] };
    }

    private static void Free(IReadOnlyList<Tensor> tensors)
    {
        foreach (var tensor in tensors)
        {
            tensor.Dispose();
        }
    }

    private int Decide(Tensor x_B, Tensor sigma_B, Conditioning conditioning)
    {
        if (SegmentBlocks is { } known)
        {
            return known;
        }
        lock (deciding)
        {
            var (budget, samples) = (GradientCheckpointing.WithinBudget)checkpointing;
            if (every == 0)
            {
                every = ActivationMemory.Measure(network, x_B, sigma_B, conditioning) is { } measured
                    ? ActivationMemory.Choose(measured, samples ?? (int)x_B.size(0), budget)
                    : 1;
            }
            return every;
        }
    }

    // Consecutive blocks, as many in each segment as can be, fewer in the last.
    private readonly record struct Segments(int Blocks, int Every)
    {
        public int Count => (Blocks + Every - 1) / Every;

        public bool Begins(int block) => block % Every == 0;

        public int Start(int segment) => segment * Every;

        public int End(int segment) => Math.Min(Blocks, (segment + 1) * Every);
    }
}
