// The kernels know no tensor library: a latent tensor reaches them as a pointer, an element type and three sizes, so
// that the same interface serves a CPU and a GPU implementation, and any owner of the memory. The buffer owns nothing.
// Shape legend: T steps, B batch, E elements of one latent (channels × height × width), K quadrature points.

namespace FlowBP.Kernels;

/// <summary>The storage type of a latent element.</summary>
public enum LatentType
{
    /// <summary>IEEE binary64, 8 bytes. Arithmetic on it is done in double.</summary>
    Float64,

    /// <summary>IEEE binary32, 4 bytes.</summary>
    Float32,

    /// <summary>The upper half of a binary32, 2 bytes. Arithmetic on it is done in binary32 and rounded once.</summary>
    BFloat16,
}

/// <summary>Sizes of the storage types.</summary>
internal static class LatentTypeExtensions
{
    /// <summary>Bytes of one element.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is none of <see cref="LatentType"/>.</exception>
    internal static int Size(this LatentType type) =>
        type switch
        {
            LatentType.Float64 => sizeof(double),
            LatentType.Float32 => sizeof(float),
            LatentType.BFloat16 => sizeof(ushort),
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "not a latent type"),
        };
}

/// <summary>
/// A view of contiguous latents [T, B, E]: element (t, b, e) lies at <c>((t·B) + b)·E + e</c>.
/// </summary>
/// <param name="pointer">The first element. Any alignment. May be null when a size is zero.</param>
/// <param name="type">Storage type of the elements.</param>
/// <param name="steps">T, 1 for a buffer of shape [B, E].</param>
/// <param name="batch">B.</param>
/// <param name="elements">E.</param>
/// <remarks>
/// The memory must stay valid (pinned or unmanaged) during a call. Offsets are 64-bit: 2^31 elements and more are fine.
/// </remarks>
public readonly unsafe struct LatentBuffer(void* pointer, LatentType type, long steps, long batch, long elements)
{
    /// <summary>The first element.</summary>
    public void* Pointer { get; } = pointer;

    /// <summary>Storage type of the elements.</summary>
    public LatentType Type { get; } = type;

    /// <summary>T, the number of steps (1 for [B, E]).</summary>
    public long Steps { get; } = steps;

    /// <summary>B, the number of samples.</summary>
    public long Batch { get; } = batch;

    /// <summary>E, the number of elements of one latent.</summary>
    public long Elements { get; } = elements;

    /// <summary>Bytes of one element.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><see cref="Type"/> is no value of <see cref="LatentType"/>.</exception>
    public int ElementSize => Type.Size();

    /// <summary>T·B·E.</summary>
    /// <exception cref="OverflowException">The product exceeds a 64-bit integer.</exception>
    public long Count => checked(Steps * Batch * Elements);

    /// <summary>The latents of one step, as a buffer [1, B, E] on the same memory.</summary>
    /// <param name="step">t, in [0, T).</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="step"/> is not in [0, T).</exception>
    public LatentBuffer AtStep(long step)
    {
        if (step < 0 || step >= Steps)
        {
            throw new ArgumentOutOfRangeException(nameof(step), step, $"the buffer is {this}");
        }
        return new((byte*)Pointer + (step * Batch * Elements * ElementSize), Type, 1, Batch, Elements);
    }

    /// <summary>Where element (t, b, e) lies; unchecked.</summary>
    internal byte* AddressOf(long t, long b, long e) =>
        (byte*)Pointer + ((((t * Batch) + b) * Elements + e) * ElementSize);

    /// <summary>Type and shape, for messages: <c>BFloat16[26, 4, 65536]</c>.</summary>
    public override string ToString() => $"{Type}[{Steps}, {Batch}, {Elements}]";
}
