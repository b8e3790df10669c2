// Which steps are up for training, counted from both ends.

using FlowBP.Settings;

namespace FlowBP.Surrogates;

/// <summary>The steps [<paramref name="Start"/>, <paramref name="End"/>) that may be trained (docs/methods.md §3).</summary>
/// <param name="Start">First step.</param>
/// <param name="End">One past the last, N.</param>
public readonly record struct TrainingWindow(int Start, int End)
{
    /// <summary>The last ⌈r·N⌉ steps.</summary>
    /// <param name="steps">N.</param>
    /// <param name="tailRatio">r in (0, 1], <c>train_step_tail_ratio</c>.</param>
    /// <param name="minLength">The window holds at least so many steps, if there are.</param>
    public static TrainingWindow Tail(int steps, double tailRatio, int minLength = 1)
    {
        if (!(tailRatio > 0 && tailRatio <= 1))
        {
            throw new ArgumentOutOfRangeException(
                nameof(tailRatio),
                tailRatio,
                "train_step_tail_ratio must be in (0, 1]"
            );
        }
        var length = Math.Max(Math.Min(minLength, steps), (int)Math.Ceiling(steps * tailRatio));
        return new(steps - Math.Min(length, steps), steps);
    }
}

/// <summary>
/// Reverse indices [<paramref name="Min"/>, <paramref name="Max"/>): reverse index r is step N − r, so 1 is the last.
/// </summary>
/// <param name="Min">Smallest.</param>
/// <param name="Max">One past the largest.</param>
public readonly record struct ReverseWindow(int Min, int Max)
{
    /// <summary>Number of reverse indices.</summary>
    public int Length => Max - Min;

    /// <summary>The reverse indices of the last ⌈r·N⌉ steps, within given bounds.</summary>
    /// <param name="steps">N.</param>
    /// <param name="tailRatio">r in (0, 1].</param>
    /// <param name="min">Lower bound, <c>min_idx</c>.</param>
    /// <param name="max">Upper bound, exclusive, <c>max_idx</c>; null: N + 1.</param>
    /// <exception cref="InvalidSettingException">Fewer than two indices are left: no room for k and j.</exception>
    public static ReverseWindow Tail(int steps, double tailRatio, int min = 1, int? max = null)
    {
        // Three steps, so that both leaps and a gap have room whatever the ratio.
        var window = TrainingWindow.Tail(steps, tailRatio, minLength: 3);
        var reverse = new ReverseWindow(Math.Max(min, 1), Math.Min(max ?? (steps + 1), steps - window.Start + 1));
        return reverse.Length >= 2
            ? reverse
            : throw new InvalidSettingException(
                $"no room for two leaps: {steps} rollout steps with train_step_tail_ratio {tailRatio}, min_idx {min}"
                    + $" and max_idx {max?.ToString() ?? "unset"} leave {Math.Max(0, reverse.Length)} of the 2 indices needed"
            );
    }
}
