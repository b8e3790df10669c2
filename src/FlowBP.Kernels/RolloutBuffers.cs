// What the fused operations of a transformer see of its tensors: a pointer, a type, sizes, and strides where a tensor may be part
// of a larger one. They own nothing. Letters: B samples, L tokens, D width, H heads, K width of a head.

namespace FlowBP.Kernels;

/// <summary>A view of contiguous tokens [B, L, D].</summary>
/// <param name="pointer">The first element. Any alignment. May be null when a size is zero.</param>
/// <param name="type">Float32 or BFloat16.</param>
/// <param name="batch">B.</param>
/// <param name="tokens">L.</param>
/// <param name="width">D.</param>
public readonly unsafe struct TokenBuffer(void* pointer, LatentType type, long batch, long tokens, long width)
{
    /// <summary>The first element.</summary>
    public void* Pointer { get; } = pointer;

    /// <summary>Storage type of the elements.</summary>
    public LatentType Type { get; } = type;

    /// <summary>B.</summary>
    public long Batch { get; } = batch;

    /// <summary>L.</summary>
    public long Tokens { get; } = tokens;

    /// <summary>D.</summary>
    public long Width { get; } = width;

    /// <summary>Type and shape, for messages.</summary>
    public override string ToString() => $"{Type}[{Batch}, {Tokens}, {Width}]";
}

/// <summary>A view of a modulation [B, D]: one part of what a linear layer gives, so its rows lie apart.</summary>
/// <param name="pointer">The first element.</param>
/// <param name="type">Float32 or BFloat16.</param>
/// <param name="batch">B.</param>
/// <param name="width">D.</param>
/// <param name="stride">Elements from one row to the next.</param>
public readonly unsafe struct ModulationBuffer(void* pointer, LatentType type, long batch, long width, long stride)
{
    /// <summary>The first element.</summary>
    public void* Pointer { get; } = pointer;

    /// <summary>Storage type of the elements.</summary>
    public LatentType Type { get; } = type;

    /// <summary>B.</summary>
    public long Batch { get; } = batch;

    /// <summary>D.</summary>
    public long Width { get; } = width;

    /// <summary>Elements from one row to the next.</summary>
    public long Stride { get; } = stride;

    /// <summary>Type and shape, for messages.</summary>
    public override string ToString() => $"{Type}[{Batch}, {Width}]";
}

/// <summary>
/// A view of queries or keys [B, L, H, K] in any order of the first three dimensions, the elements of a head side by side.
/// </summary>
public readonly unsafe struct HeadBuffer
{
    /// <summary>The first element.</summary>
    public required void* Pointer { get; init; }

    /// <summary>Float32 or BFloat16.</summary>
    public required LatentType Type { get; init; }

    /// <summary>B.</summary>
    public required long Batch { get; init; }

    /// <summary>L.</summary>
    public required long Tokens { get; init; }

    /// <summary>H.</summary>
    public required int Heads { get; init; }

    /// <summary>K.</summary>
    public required int Width { get; init; }

    /// <summary>Elements from one sample to the next.</summary>
    public required long SampleStride { get; init; }

    /// <summary>Elements from one token to the next.</summary>
    public required long TokenStride { get; init; }

    /// <summary>Elements from one head to the next.</summary>
    public required long HeadStride { get; init; }

    /// <summary>Contiguous tokens [B, L, H·K], as a linear layer gives them.</summary>
    /// <param name="pointer">The first element.</param>
    /// <param name="type">Float32 or BFloat16.</param>
    /// <param name="batch">B.</param>
    /// <param name="tokens">L.</param>
    /// <param name="heads">H.</param>
    /// <param name="width">K.</param>
    public static HeadBuffer Contiguous(
        void* pointer,
        LatentType type,
        long batch,
        long tokens,
        int heads,
        int width
    ) =>
        new()
        {
            Pointer = pointer,
            Type = type,
            Batch = batch,
            Tokens = tokens,
            Heads = heads,
            Width = width,
            SampleStride = tokens * heads * width,
            TokenStride = (long)heads * width,
            HeadStride = width,
        };

    /// <summary>Type and shape, for messages.</summary>
    public override string ToString() => $"{Type}[{Batch}, {Tokens}, {Heads}, {Width}]";
}
