// Latents are stored narrow and added wide. One place says how wide.

namespace FlowBP.Surrogates;

/// <summary>The type in which latents of a storage type are accumulated (docs/architecture.md §5).</summary>
internal static class AccumulationType
{
    /// <summary>Float64 for Float64, Float32 for everything narrower.</summary>
    public static ScalarType Of(Tensor tensor) => Of(tensor.dtype);

    /// <summary>Float64 for Float64, Float32 for everything narrower.</summary>
    public static ScalarType Of(ScalarType storage) =>
        storage == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
}
