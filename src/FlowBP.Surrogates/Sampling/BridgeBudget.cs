// K active steps, divided over the two sides of a split.

using FlowBP.Settings;

namespace FlowBP.Surrogates;

/// <summary>Active steps before and from the split.</summary>
/// <param name="Pre">In [start, j).</param>
/// <param name="Post">In [j, N); j itself is one of them.</param>
public readonly record struct BridgeBudget(int Pre, int Post)
{
    /// <summary>
    /// Divides in proportion to the lengths, <c>round(K·pre/(pre + post))</c> half to even; at least 1 on each side,
    /// at most the side's length, K in all as far as there are steps.
    /// </summary>
    /// <param name="total">K, at least 2.</param>
    /// <param name="preLength">Steps before the split, at least 1.</param>
    /// <param name="postLength">Steps from the split, at least 1.</param>
    /// <exception cref="InvalidSettingException">There is no way to have a step on each side.</exception>
    public static BridgeBudget Divide(int total, int preLength, int postLength)
    {
        if (preLength < 1 || postLength < 1)
        {
            throw new InvalidSettingException($"a bridge needs a step on each side, not {preLength} and {postLength}");
        }
        if (total < 2)
        {
            throw new InvalidSettingException($"a bridge needs num_active_steps of at least 2, got {total}");
        }
        var count = Math.Min(total, preLength + postLength);
        var share = (int)Math.Round(count * preLength / (double)(preLength + postLength), MidpointRounding.ToEven);
        // Neither side may be empty, nor be left with fewer steps than the other can't take.
        var pre = Math.Clamp(share, Math.Max(1, count - postLength), Math.Min(preLength, count - 1));
        return new(pre, count - pre);
    }
}
