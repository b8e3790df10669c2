using FlowBP.Formats;

namespace FlowBP.Models.Transformers;

/// <summary>What must hold of a configuration's <c>axes_dims_rope</c>.</summary>
internal static class RotaryAxes
{
    /// <summary>Refuses shares of a head that don't add up to it, or that pairs don't fit into.</summary>
    /// <exception cref="CheckpointException">They don't.</exception>
    public static void Check(string file, IReadOnlyList<int> widths, int axes, int headWidth)
    {
        if (widths.Count != axes || widths.Any(width => width <= 0 || width % 2 != 0) || widths.Sum() != headWidth)
        {
            throw CheckpointException.ForFile(
                file,
                $"key 'axes_dims_rope': found [{string.Join(", ", widths)}], expected {axes} even numbers that add up to"
                    + $" attention_head_dim {headWidth}"
            );
        }
    }
}
