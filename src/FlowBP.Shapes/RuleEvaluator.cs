// The judge of the embedded world. It can't be gamed by pleasing a reward model, which makes it the reference both
// for the claim that alignment helped and for the alarm that it only pleased the reward.
namespace FlowBP.Shapes;

/// <summary>Judges a picture against a prompt by rules alone.</summary>
public static class RuleEvaluator
{
    /// <summary>
    /// Detects the objects in a picture and applies <see cref="PromptRules"/> to them. A coloured region of no known
    /// shape makes the picture incorrect.
    /// </summary>
    /// <param name="prompt">What the picture should show.</param>
    /// <param name="image">[3, side, side], RGB planes; values are clamped to [0, 1].</param>
    /// <param name="side">Height and width, at least 1.</param>
    /// <exception cref="ArgumentException"><paramref name="image"/> has another length.</exception>
    public static Verdict Judge(Prompt prompt, ReadOnlySpan<float> image, int side = Scene.Size)
    {
        var detection = ObjectDetector.Detect(image, side);
        if (detection.Unrecognised > 0)
        {
            return Verdict.Fail(
                detection.Unrecognised == 1
                    ? "a coloured region of no known shape"
                    : $"{detection.Unrecognised} coloured regions of no known shape"
            );
        }
        return PromptRules.Judge(prompt, [.. detection.Objects]);
    }

    /// <summary>Judges a batch, in parallel.</summary>
    /// <param name="prompts">One prompt per picture.</param>
    /// <param name="images">[B, 3, side, side], RGB planes; values are clamped to [0, 1].</param>
    /// <param name="side">Height and width, at least 1.</param>
    /// <exception cref="ArgumentException"><paramref name="images"/> doesn't hold one picture per prompt.</exception>
    public static Verdict[] Judge(IReadOnlyList<Prompt> prompts, ReadOnlyMemory<float> images, int side = Scene.Size)
    {
        var length = 3 * side * side;
        if (images.Length != prompts.Count * length)
        {
            throw new ArgumentException(
                $"{prompts.Count} prompts need [{prompts.Count}, 3, {side}, {side}], {prompts.Count * length} floats; "
                    + $"there are {images.Length}",
                nameof(images)
            );
        }
        var verdicts = new Verdict[prompts.Count];
        Parallel.For(
            0,
            prompts.Count,
            b => verdicts[b] = Judge(prompts[b], images.Span.Slice(b * length, length), side)
        );
        return verdicts;
    }
}
