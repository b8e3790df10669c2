// Which cached velocities a leap is integrated from, and which of them carry a gradient.

namespace FlowBP.Surrogates;

/// <summary>Support sets of leaps (docs/methods.md §3.2).</summary>
public static class Supports
{
    /// <summary>
    /// Supports inside [<paramref name="start"/>, <paramref name="target"/>): all steps if there are at most
    /// <paramref name="order"/>, else that many at <c>round(linspace(0, len − 1, order))</c>, half to even.
    /// </summary>
    /// <param name="start">Anchor a; always the first support.</param>
    /// <param name="target">b; never a support.</param>
    /// <param name="order">Largest number of supports; below 1 counts as 1.</param>
    public static int[] Interior(int start, int target, int order)
    {
        var length = target - start;
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1, nameof(target));
        order = Math.Max(1, order);
        if (length <= order)
        {
            return [.. Enumerable.Range(start, length)];
        }
        if (order == 1)
        {
            return [start];
        }
        // The reference's linspace is binary32 and runs from both ends to the middle; where a position is a half, its
        // rounding decides which support is taken.
        var step = (length - 1) / (float)(order - 1);
        var positions = Enumerable
            .Range(0, order)
            .Select(i => i < order / 2 ? step * i : length - 1 - (step * (order - 1 - i)));
        return
        [
            .. positions.Select(position => start + (int)MathF.Round(position, MidpointRounding.ToEven)).Distinct(),
        ];
    }

    /// <summary>
    /// The <paramref name="order"/> steps that end at the anchor, fewer at the beginning of the rollout: an
    /// Adams–Bashforth rule, extrapolating across the leap.
    /// </summary>
    /// <param name="start">Anchor; the last support.</param>
    /// <param name="order">Number of supports; below 1 counts as 1.</param>
    public static int[] Trailing(int start, int order)
    {
        var count = Math.Min(Math.Max(1, order), start + 1);
        return [.. Enumerable.Range(start - count + 1, count)];
    }

    /// <summary>The supports that carry a gradient, the anchor first.</summary>
    /// <param name="supports">All supports, in increasing order.</param>
    /// <param name="anchor">The step that the leap starts from; one of them.</param>
    /// <param name="mode">Which.</param>
    /// <param name="maxActive">At most so many; null or 0: no limit.</param>
    /// <exception cref="ArgumentException">The anchor is not a support.</exception>
    public static int[] Active(IReadOnlyList<int> supports, int anchor, SupportMode mode, int? maxActive = null)
    {
        if (!supports.Contains(anchor))
        {
            throw new ArgumentException($"anchor {anchor} is none of the supports {string.Join(", ", supports)}");
        }
        // Interior supports lie after the anchor, trailing ones before it: nearest first is the order of both.
        var nearest = supports.OrderBy(step => Math.Abs(step - anchor));
        var selected = mode switch
        {
            SupportMode.None => [],
            SupportMode.Start => nearest.Take(1),
            SupportMode.Midpoint => nearest.Take(2),
            SupportMode.All => nearest,
            _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, "not a support mode"),
        };
        return [.. maxActive is > 0 and { } limit ? selected.Take(limit) : selected];
    }
}

/// <summary>Which supports of a leap carry a gradient (<c>grad_support_mode</c>).</summary>
public enum SupportMode
{
    /// <summary>None.</summary>
    None,

    /// <summary>The anchor.</summary>
    Start,

    /// <summary>The anchor and the support next to it.</summary>
    Midpoint,

    /// <summary>All.</summary>
    All,
}
