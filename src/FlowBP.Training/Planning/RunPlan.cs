// The prediction: what stays in memory through a step, what each phase adds, what has to fit, and the work.

namespace FlowBP.Training.Planning;

/// <summary>Memory by its purpose.</summary>
/// <param name="Name">Its purpose.</param>
/// <param name="Bytes">Bytes on one GPU.</param>
public sealed record MemoryPart(string Name, long Bytes);

/// <summary>Work by phase, of one update on all GPUs.</summary>
/// <param name="Name">The phase.</param>
/// <param name="Flops">Floating-point operations of matrix products.</param>
/// <param name="Evaluations">How often the network of that phase runs, in words.</param>
public sealed record WorkPart(string Name, double Flops, string Evaluations);

/// <summary>What a run takes.</summary>
public sealed class RunPlan
{
    private readonly PlanRequest request;

    /// <summary>Predicts.</summary>
    /// <param name="request">The run.</param>
    /// <exception cref="ArgumentException">The method's settings don't fit the number of steps.</exception>
    public RunPlan(PlanRequest request)
    {
        this.request = request;
        Cost = MethodCost.Of(request.Planner, request.RolloutSteps);
        var activations = new ActivationModel(request);
        TransformerParameters = activations.TransformerParameters;
        TrainedParameters = request.LoraRank is { } rank ? activations.AdapterParameters(rank) : TransformerParameters;
        Resident = [.. ResidentParts(activations).Where(part => part.Bytes > 0)];
        Phases = PhaseParts(activations);
        Work = WorkParts(activations);
    }

    /// <summary>What the method asks for.</summary>
    public MethodCost Cost { get; }

    /// <summary>Elements of the transformer's weights.</summary>
    public long TransformerParameters { get; }

    /// <summary>Elements that are trained: all, or the adapters.</summary>
    public long TrainedParameters { get; }

    /// <summary>What is there through the whole step, on one GPU.</summary>
    public IReadOnlyList<MemoryPart> Resident { get; }

    /// <summary>What each phase adds at its largest; only one of them is there at a time.</summary>
    public IReadOnlyList<MemoryPart> Phases { get; }

    /// <summary>The work of an update, all GPUs together.</summary>
    public IReadOnlyList<WorkPart> Work { get; }

    /// <summary>Gradients of the trained weights: within the phase of the products, or resident under accumulation.</summary>
    public long GradientBytes => Sharded(TrainedParameters, sizeof(float));

    /// <summary>Inputs of blocks that a pullback stores, within its phase.</summary>
    public long StoredInputBytes { get; private set; }

    /// <summary>The graph of the blocks that are alive together in a pullback, within its phase.</summary>
    public long SegmentBytes { get; private set; }

    /// <summary>All that has to fit on one GPU.</summary>
    public long PeakBytes => Resident.Sum(part => part.Bytes) + Phases.Max(part => part.Bytes);

    /// <summary>Whether it fits.</summary>
    public bool Fits => PeakBytes <= request.GpuMemoryBytes;

    private IEnumerable<MemoryPart> ResidentParts(ActivationModel activations)
    {
        var model = request.Model;
        var isNarrow = request.ComputeBytes < sizeof(float);
        var adapters = request.LoraRank is not null;
        yield return new(adapters ? "fp32 adapters" : "fp32 masters", Sharded(TrainedParameters, sizeof(float)));
        yield return new("gradients", request.Accumulation > 1 ? GradientBytes : 0);
        yield return new("optimizer (two moments)", Sharded(TrainedParameters, 2 * sizeof(float)));
        yield return new("moving average", request.KeepsAverage ? Sharded(TrainedParameters, sizeof(float)) : 0);
        yield return new(
            adapters ? "frozen base weights" : "compute copy",
            adapters || isNarrow ? Sharded(TransformerParameters, request.ComputeBytes) : 0
        );
        yield return new(
            "frozen copy of the base",
            request.HasReference && !adapters
                ? Sharded(TransformerParameters, request.ComputeBytes) + (model.BufferElements * request.ComputeBytes)
                : 0
        );
        yield return new(
            "buffers of the transformer",
            model.BufferElements * (request.ComputeBytes + (isNarrow ? sizeof(float) : 0))
        );
        // The block that is used, and the next one on its way.
        yield return new("gathered blocks", Shards > 1 ? 2 * activations.LargestBlock * request.ComputeBytes : 0);
        yield return new("autoencoder", model.AutoencoderParameters * request.FrozenBytes);
        yield return new("rewards", model.RewardParameters * request.FrozenBytes);
        yield return new(
            "text encoders",
            request.TextEncoding == TextEncoding.Resident
                ? model.TextEncoders.Sum(encoder => encoder.Parameters) * request.FrozenBytes
                : 0
        );
        yield return new("prompt embeddings", EmbeddingBytes);
        yield return new("rollout cache", CacheBytes);
        yield return new(
            "block inputs of active steps",
            request.ReusesRolloutBlocks
                ? activations.KeptInputBytes * request.SamplesPerGpu * Cost.MostActiveSteps * Branches
                : 0
        );
        yield return new("context and libraries (estimate)", request.WorkspaceBytes);
    }

    private int Shards => request.Sharding == Sharding.Full ? request.Gpus : 1;

    private int Branches => request.IsGuided && !request.DetachNegative ? 2 : 1;

    private long Sharded(long elements, int bytes) => (elements + Shards - 1) / Shards * bytes;

    // Text of both branches, for every sample.
    private long EmbeddingBytes =>
        request.SamplesPerGpu
        * (request.IsGuided ? 2 : 1)
        * request.Model.TextTokens
        * request.Model.Transformer.TextWidth
        * request.ComputeBytes;

    // x_0 … x_S and v_0 … v_{S−1}; the noise in float32; reward input and its gradient.
    private long CacheBytes
    {
        get
        {
            var elements = request.Model.LatentElements(request.Resolution) * request.SamplesPerGpu;
            var cached = ((2L * Cost.MostRolloutSteps) + 1) * request.LatentBytes;
            return elements * (cached + sizeof(float) + (Cost.Images * (request.LatentBytes + sizeof(float))));
        }
    }

    private IReadOnlyList<MemoryPart> PhaseParts(ActivationModel activations)
    {
        var perGpu = request.SamplesPerGpu;
        var width = (long)request.RolloutWidth * (request.IsGuided ? 2 : 1);
        // Guidance lays the embeddings of both branches one after the other.
        var joined = request.IsGuided ? EmbeddingBytes / perGpu * request.RolloutWidth : 0;
        var images = Math.Min(request.RewardChunk ?? int.MaxValue, (long)perGpu * Cost.Images);
        var samples = Math.Min(request.VjpChunk ?? int.MaxValue, (long)perGpu) * Branches;
        var pullback = activations.Pullback(samples);
        StoredInputBytes = pullback.StoredInputBytes;
        SegmentBytes = pullback.SegmentBytes;
        return
        [
            new("rollout", activations.RolloutBytes(width) + joined),
            new("reward gradient", activations.Reward(images).PeakBytes),
            // An update leaves no gradients behind: they are there from the first product on, and gone after the last. Between
            // the batches of one update they stay.
            new("vector-Jacobian product", (request.Accumulation > 1 ? 0 : GradientBytes) + pullback.PeakBytes),
        ];
    }

    private IReadOnlyList<WorkPart> WorkParts(ActivationModel activations)
    {
        double batch = request.Batch;
        var forward = activations.ForwardFlops;
        var backward = activations.BackwardFlops;
        var branches = request.IsGuided ? 2 : 1;
        // Re-noised copies are evaluated once more than the rollout.
        var evaluations = (Cost.RolloutSteps + Cost.Images - 1) * branches;
        var products = Cost.ActiveSteps * Cost.Images * Branches;
        var forwards = request.SegmentBlocks is null || request.ReusesRolloutBlocks ? 1 : 2;
        var reward = activations.Reward(1);
        var encoded =
            request.TextEncoding == TextEncoding.Resident
                ? request.Model.TextEncoders.Sum(encoder => 2.0 * encoder.MatrixParameters * encoder.Tokens)
                : 0;
        WorkPart[] reference = request.HasReference
            ?
            [
                new(
                    "base model at the active steps",
                    batch * Cost.ActiveSteps * branches * forward,
                    $"{batch * Cost.ActiveSteps * branches:0} forwards"
                ),
            ]
            : [];
        // Evaluated, and pulled back with the segments run again; the conditional branch alone.
        double flowSamples = request.FlowMatchingSamples;
        WorkPart[] flowMatching =
            flowSamples > 0
                ?
                [
                    new(
                        "flow-matching loss",
                        flowSamples * ((2 * forward) + backward),
                        $"{flowSamples:0} of 2 forwards and a backward"
                    ),
                ]
                : [];
        var pictures = Cost.Images * request.RewardCopies;
        return
        [
            new(
                "encode",
                batch * encoded * branches,
                encoded > 0 ? $"{batch * branches:0} prompts" : "read from files"
            ),
            new("rollout", batch * evaluations * forward, $"{batch * evaluations:0} forwards"),
            new(
                "reward gradient",
                batch * pictures * (reward.ForwardFlops + reward.BackwardFlops),
                $"{batch * pictures:0} images forward and back"
            ),
            .. reference,
            new(
                "vector-Jacobian products",
                batch * products * ((forwards * forward) + backward),
                $"{batch * products:0} of {forwards} forward{(forwards > 1 ? "s" : "")} and a backward"
            ),
            .. flowMatching,
        ];
    }
}
