// What an evaluation asks about pictures: a reward, or the rules of a world whose pictures can be measured. A judge says what its
// scores are called, what they are counted in, and which prompts its scores are also told of apart.

using FlowBP.Families;

namespace FlowBP.Training.Evaluation;

/// <summary>Scores pictures against their prompts.</summary>
public interface IPictureJudge
{
    /// <summary>Name of the metric in summary.json, for example <c>heldout_reward</c>.</summary>
    string Metric { get; }

    /// <summary>Whether a score is 1 for right and 0 for wrong, so that its mean is a share; otherwise it is any number.</summary>
    bool IsShare { get; }

    /// <summary>Why pictures of a size can't be judged; null if they can.</summary>
    /// <param name="size">Height and width, in pixels.</param>
    string? Objection(ImageSize size);

    /// <summary>One score per picture; higher is better.</summary>
    /// <param name="image_BCYX">RGB in [0, 1], float32, of a size that there is no <see cref="Objection"/> to.</param>
    /// <param name="prompts">The prompt of each picture.</param>
    /// <exception cref="Surrogates.NonFiniteException">A score is not finite.</exception>
    IEnumerable<double> Score(Tensor image_BCYX, IReadOnlyList<string> prompts);

    /// <summary>Parts of the prompts whose scores are told apart, in their order; none: all prompts are of one kind.</summary>
    /// <param name="prompts">The prompts.</param>
    IReadOnlyList<PromptGroup> Groups(IReadOnlyList<string> prompts);
}

/// <summary>Prompts of one kind.</summary>
/// <param name="Name">The kind, for example <c>counting</c>.</param>
/// <param name="Prompts">Indices of the prompts, at least one.</param>
public sealed record PromptGroup(string Name, IReadOnlyList<int> Prompts);
