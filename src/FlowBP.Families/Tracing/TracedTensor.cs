// What a traced computation is made of: tensors that are sizes, memory that is a number of bytes with holders, and how the
// network computes.

namespace FlowBP.Families.Tracing;

/// <summary>A tensor of a traced computation: a size, and memory that it may share with others.</summary>
internal sealed class TracedTensor
{
    public TracedTensor(long elements, int elementBytes, bool needsGradient, TracedStorage storage)
    {
        Elements = elements;
        ElementBytes = elementBytes;
        NeedsGradient = needsGradient;
        Storage = storage;
    }

    /// <summary>Number of elements.</summary>
    public long Elements { get; }

    /// <summary>Bytes of one element.</summary>
    public int ElementBytes { get; }

    /// <summary>Whether the backward reaches it.</summary>
    public bool NeedsGradient { get; }

    public long Bytes => Elements * ElementBytes;

    /// <summary>Elements of a row; 0 where nobody asks.</summary>
    public long Width { get; private set; }

    /// <summary>Whether its rows lie apart in memory: what reads them one after the other copies it first.</summary>
    public bool IsStrided { get; private set; }

    /// <summary>This tensor, with rows of a width.</summary>
    public TracedTensor As(long width, bool isStrided = false)
    {
        (Width, IsStrided) = (width, isStrided);
        return this;
    }

    public TracedStorage Storage { get; }

    public TracedStorage? Gradient { get; set; }
}

/// <summary>Memory, and how many things hold it.</summary>
internal sealed class TracedStorage(long bytes)
{
    public long Bytes { get; } = bytes;

    public int Holders { get; set; }
}

/// <summary>How a traced network computes.</summary>
internal sealed record TraceOptions
{
    /// <summary>Bytes of an element of an activation: 4 in float32, 2 in bfloat16.</summary>
    public int ElementBytes { get; init; } = sizeof(float);

    /// <summary>Whether gradients are recorded at all.</summary>
    public bool Recording { get; init; } = true;

    /// <summary>Whether weights receive gradients.</summary>
    public bool TrainsWeights { get; init; } = true;

    /// <summary>Whether the gradients of the weights exist before the backward: then new ones are added to them and given back.</summary>
    public bool WeightGradientsExist { get; init; } = true;

    /// <summary>Bytes of an element of a weight's gradient; adapters have float32's.</summary>
    public int WeightGradientBytes { get; init; } = sizeof(float);

    /// <summary>Rank of the adapters that are trained beside linear layers; null: there are none.</summary>
    public int? AdapterRank { get; init; }

    /// <summary>Images that go through at once; for what treats each by itself.</summary>
    public long Images { get; init; } = 1;

    /// <summary>Whether attention is one operation that never holds the matrix of scores.</summary>
    public bool FusedAttention { get; init; } = true;
}
