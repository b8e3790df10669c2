// How much of a forward pass a pullback keeps alive. All modes have the same gradient; recomputing costs one more forward,
// whatever the segments' length, so length only trades stored inputs for the size of one segment's graph.

using System.Globalization;

namespace FlowBP.Surrogates;

/// <summary>How a network is cut up for its pullback (<c>gradient_checkpointing</c>).</summary>
public abstract record GradientCheckpointing
{
    private const string NoneName = "none";
    private const string BlocksName = "blocks";
    private const string AutoName = "auto";

    private GradientCheckpointing() { }

    /// <summary>Plain autograd: one graph over all blocks, nothing is recomputed.</summary>
    public static GradientCheckpointing None { get; } = new EveryBlocks(int.MaxValue);

    /// <summary>One block at a time: the least activation memory.</summary>
    public static GradientCheckpointing Blocks { get; } = new EveryBlocks(1);

    /// <summary>Segments of several blocks, each recomputed and pulled back as a whole.</summary>
    /// <param name="count">Blocks of a segment, at least 1.</param>
    public static GradientCheckpointing Every(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return new EveryBlocks(count);
    }

    /// <summary>The cheapest mode whose predicted activations fit (<see cref="ActivationMemory.Choose"/>), measured at first use.</summary>
    /// <param name="budgetBytes">What one product may hold.</param>
    /// <param name="samples">Samples of one product; null: those of the first.</param>
    public static GradientCheckpointing Auto(long budgetBytes, int? samples = null) =>
        new WithinBudget(budgetBytes, samples);

    /// <summary>Reads a setting: <c>none</c>, <c>blocks</c>, a number of blocks, or <c>auto</c>.</summary>
    /// <param name="text">The setting.</param>
    /// <param name="budgetBytes">For <c>auto</c>; null: it is <see cref="Blocks"/> then, which always needs least.</param>
    /// <param name="samples">For <c>auto</c>, as in <see cref="Auto"/>.</param>
    /// <exception cref="FormatException">It is none of these.</exception>
    public static GradientCheckpointing Parse(string text, long? budgetBytes = null, int? samples = null) =>
        text switch
        {
            NoneName => None,
            BlocksName => Blocks,
            AutoName => budgetBytes is { } budget ? Auto(budget, samples) : Blocks,
            _ => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0
                ? Every(count)
                : throw new FormatException($"'{text}' is not none, blocks, auto or a number of blocks of at least 1"),
        };

    /// <summary>Blocks of a segment.</summary>
    internal sealed record EveryBlocks(int Count) : GradientCheckpointing;

    /// <summary>Whatever fits.</summary>
    internal sealed record WithinBudget(long Bytes, int? Samples) : GradientCheckpointing;
}
